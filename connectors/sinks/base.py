"""What is delivered, and how a delivery can fail. Kinds of failure are told apart here, by the target's own words."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

FailureKind = Literal["outage", "throttled", "transient", "permanent"]


@dataclass(frozen=True, slots=True)
class Delivery:
    """One thing to deliver. `id` is the same on every attempt; `key` names what must stay in order."""

    id: str
    key: str
    body: str
    detail_type: str
    source: str


Sink = Callable[[Delivery], Awaitable[None]]
"""Returns when the target has it. Raises `NotDelivered`."""


SinkSettings = Mapping[str, Any]
"""The settings in a rule's `[target]`, without the address."""


@dataclass(frozen=True, slots=True)
class SinkKind:
    """One kind of sink. A rule selects it by `name`; `arn_service` is the service in the ARNs of its targets, if any.

    `create` opens a sink for an address and raises `InvalidTargetError` for settings that cannot be used.
    """

    name: str
    create: Callable[[str, SinkSettings], Sink]
    arn_service: str = ""


def reject_settings(settings: SinkSettings) -> None:
    """Raise `InvalidTargetError` if there are any settings."""
    if settings:
        raise InvalidTargetError(f"{min(settings)}: unknown setting; this sink has none")


class DeliveryError(Exception):
    """The target did not take it. `code` is its own word for why; `after` the seconds that it asks to wait."""

    def __init__(self, kind: FailureKind, code: str, why: str, after: float = 0.0) -> None:
        super().__init__(why)
        self.kind = kind
        self.code = code
        self.after = after


class InvalidTargetError(ValueError):
    """A target's address or settings cannot be used; the text says why."""


_OUTAGE = (
    "ExpiredToken",
    "ExpiredTokenException",
    "IncompleteSignature",
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "InvalidToken",
    "UnrecognizedClientException",
)
_THROTTLED = (
    "EC2ThrottledException",
    "OverLimit",
    "KMSThrottling",
    "KMSThrottlingException",
    "RequestThrottled",
    "SlowDown",
    "Throttled",
    "ThrottledException",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
)
_TRANSIENT = (
    "EC2UnexpectedException",
    "InternalError",
    "InternalErrorException",
    "InternalException",
    "InternalFailure",
    "ResourceConflictException",
    "ResourceNotReadyException",
    "ServiceException",
    "ServiceUnavailable",
)
_KIND_OF: dict[str, FailureKind] = {
    **dict.fromkeys(_OUTAGE, "outage"),
    **dict.fromkeys(_THROTTLED, "throttled"),
    **dict.fromkeys(_TRANSIENT, "transient"),
}


def error_from_aws_code(code: str, why: str) -> DeliveryError:
    """Say what an error code of AWS means for a delivery; nobody answered where there is none."""
    if not code:
        return DeliveryError("outage", "unreachable", why)
    short = code.rpartition(".")[2]  # SQS still spells some in its old way: AWS.SimpleQueueService.NonExistentQueue
    return DeliveryError(_KIND_OF.get(short, "permanent"), code, why)
