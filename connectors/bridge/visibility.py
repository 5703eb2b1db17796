"""Keeps messages hidden that are held longer than half of their time, ten in a call; most never are."""

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


def extend_visibility_loop(airspace: InFlightMessages, over: threading.Event) -> None:
    """Look once a second, until `over`."""
    while not over.wait(CHECK_SECONDS):
        for source, flights in expiring(airspace.snapshot(), time.monotonic()).items():
            for begin in range(0, len(flights), BATCH):
                extend_visibility(source, flights[begin : begin + BATCH])


def expiring(flights: Sequence[InFlightMessage], now: float) -> dict[QueueSourceState, list[InFlightMessage]]:
    """Choose those who have less than half of their time left."""
    found: dict[QueueSourceState, list[InFlightMessage]] = defaultdict(list)
    for flight in flights:
        if flight.visible_at - now < flight.source.visibility_timeout / 2:
            found[flight.source].append(flight)
    return found


def extend_visibility(source: QueueSourceState, flights: Sequence[InFlightMessage]) -> None:
    """Give messages their whole time again. One that cannot have it is let go: it comes back by itself."""
    until = time.monotonic() + source.visibility_timeout
    try:
        rejected = source.queue.change_visibility([flight.delivery for flight in flights], source.visibility_timeout)
    except QueueUnavailableError as error:
        log.warning("not kept hidden", queue=source.queue.url, messages=len(flights), why=str(error))
        return
    for each in rejected:
        log.warning("not kept hidden", queue=source.queue.url, message=each.delivery.id, why=each.why)
    gone = {each.delivery.receipt for each in rejected if each.gone}
    for flight in flights:
        flight.visible_at = float("inf") if flight.delivery.receipt in gone else until
