"""Which sink reaches which kind of target."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from headrace.connectors.sinks import aws_lambda, eventbridge, http, sns, sqs
from headrace.connectors.sinks.base import InvalidTargetError, Sink

SinkSettings = Mapping[str, Any]


def _sns(address: str, settings: SinkSettings) -> Sink:
    _none_of(settings)
    return sns.sns_sink(address)


def _sqs(address: str, settings: SinkSettings) -> Sink:
    _none_of(settings)
    return sqs.sqs_sink(address)


SINKS: dict[str, Callable[[str, SinkSettings], Sink]] = {
    "sns": _sns,
    "sqs": _sqs,
    "eventbridge": eventbridge.eventbridge_sink,
    "lambda": aws_lambda.lambda_sink,
    "http": http.http_sink,
}


def create_sink(kind: str, address: str, settings: SinkSettings) -> Sink:
    """Give what delivers to a target. Raises `BadTarget`; nobody is called yet."""
    return SINKS[kind](address, settings)


def _none_of(settings: SinkSettings) -> None:
    if settings:
        raise InvalidTargetError(f"{min(settings)}: there is no such setting")
