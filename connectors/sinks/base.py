"""The interface of a sink."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from headrace.connectors.aws.client import AwsSession
from headrace.schemas.aws_errors import kind_of
from headrace.schemas.delivery import Delivery, DeliveryError

Sink = Callable[[Delivery], Awaitable[None]]
"""Returns once the target has acknowledged the delivery. Raises `DeliveryError`."""


SinkSettings = Mapping[str, Any]
"""The settings in a rule's `[target]`, without the address."""


@dataclass(frozen=True, slots=True)
class SinkKind:
    """One kind of sink. A rule selects it by `name`; `arn_service` is the service in the ARNs of its targets, if any.
    `action` is the IAM action that it needs for a target, if any.

    `create` opens a sink for an address, whose AWS calls use the session, if it makes any. It raises
    `InvalidTargetError` for settings that cannot be used.
    """

    name: str
    create: Callable[[str, SinkSettings, AwsSession], Sink]
    arn_service: str = ""
    action: str = ""


def reject_settings(settings: SinkSettings) -> None:
    """Raise `InvalidTargetError` if there are any settings."""
    if settings:
        raise InvalidTargetError(f"{min(settings)}: unknown setting; this sink has none")


class InvalidTargetError(ValueError):
    """A target's address or settings are invalid; the text gives the reason."""


def error_from_aws_code(code: str, reason: str) -> DeliveryError:
    """Return the error for an AWS error code; an empty code means that AWS did not respond."""
    if not code:
        return DeliveryError("outage", "unreachable", reason)
    return DeliveryError(kind_of(code), code, reason)
