"""Extend the visibility timeout of messages held for more than half of it, in batches of ten."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Sequence

import structlog

from headrace.connectors.bridge.in_flight import InFlightMessage, InFlightMessages, QueueSourceState
from headrace.connectors.bridge.queue import BATCH, QueueUnavailableError

CHECK_SECONDS = 1.0

log = structlog.get_logger("headrace")


def extend_visibility_loop(in_flight: InFlightMessages, closed: threading.Event) -> None:
    """Extend expiring messages every `CHECK_SECONDS` until `closed` is set."""
    while not closed.wait(CHECK_SECONDS):
        for source, messages in expiring(in_flight.snapshot(), time.monotonic()).items():
            for begin in range(0, len(messages), BATCH):
                extend_visibility(source, messages[begin : begin + BATCH])


def expiring(messages: Sequence[InFlightMessage], now: float) -> dict[QueueSourceState, list[InFlightMessage]]:
    """Return the messages with less than half of their visibility timeout left, by queue."""
    by_source: dict[QueueSourceState, list[InFlightMessage]] = defaultdict(list)
    for message in messages:
        if message.visible_at - now < message.source.visibility_timeout / 2:
            by_source[message.source].append(message)
    return by_source


def extend_visibility(source: QueueSourceState, messages: Sequence[InFlightMessage]) -> None:
    """Reset the visibility timeout of up to ten messages.

    A message with an expired receipt handle is not extended again: SQS delivers it again.
    """
    until = time.monotonic() + source.visibility_timeout
    try:
        errors = source.queue.change_visibility([message.sqs for message in messages], source.visibility_timeout)
    except QueueUnavailableError as error:
        log.warning("visibility_extension_failed", queue=source.queue.url, messages=len(messages), reason=str(error))
        return
    for entry in errors:
        log.warning(
            "visibility_extension_failed", queue=source.queue.url, message=entry.message.id, reason=entry.reason
        )
    expired = {error.message.receipt for error in errors if error.expired}
    for message in messages:
        message.extend_visibility(float("inf") if message.sqs.receipt in expired else until)
