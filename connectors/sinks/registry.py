"""Which sink reaches which kind of target."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from headrace.connectors.sinks import aws_lambda, eventbridge, http, sns, sqs
from headrace.connectors.sinks.base import BadTarget, Sink

Settings = Mapping[str, Any]


def _sns(address: str, settings: Settings) -> Sink:
    _none_of(settings)
    return sns.sns(address)


def _sqs(address: str, settings: Settings) -> Sink:
    _none_of(settings)
    return sqs.sqs(address)


OPENERS: dict[str, Callable[[str, Settings], Sink]] = {
    "sns": _sns,
    "sqs": _sqs,
    "eventbridge": eventbridge.eventbridge,
    "lambda": aws_lambda.function,
    "http": http.http,
}


def open_sink(kind: str, address: str, settings: Settings) -> Sink:
    """Give what delivers to a target. Raises `BadTarget`; nobody is called yet."""
    return OPENERS[kind](address, settings)


def _none_of(settings: Settings) -> None:
    if settings:
        raise BadTarget(f"{min(settings)}: there is no such setting")
