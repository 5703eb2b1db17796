"""Keeps messages hidden that are held longer than half of their time, ten in a call; most never are."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Sequence

import structlog

from headrace.connectors.bridge.in_flight import Airspace, Flight, Source
from headrace.connectors.bridge.queue import BATCH, QueueUnavailable

LOOK_SECONDS = 1.0

log = structlog.get_logger("headrace")


def keep_hidden(airspace: Airspace, over: threading.Event) -> None:
    """Look once a second, until `over`."""
    while not over.wait(LOOK_SECONDS):
        for source, flights in due(airspace.snapshot(), time.monotonic()).items():
            for begin in range(0, len(flights), BATCH):
                hide(source, flights[begin : begin + BATCH])


def due(flights: Sequence[Flight], now: float) -> dict[Source, list[Flight]]:
    """Choose those who have less than half of their time left."""
    found: dict[Source, list[Flight]] = defaultdict(list)
    for flight in flights:
        if flight.hidden_until - now < flight.source.hidden_seconds / 2:
            found[flight.source].append(flight)
    return found


def hide(source: Source, flights: Sequence[Flight]) -> None:
    """Give messages their whole time again. One that cannot have it is let go: it comes back by itself."""
    until = time.monotonic() + source.hidden_seconds
    try:
        rejected = source.queue.hide([flight.delivery for flight in flights], source.hidden_seconds)
    except QueueUnavailable as error:
        log.warning("not kept hidden", queue=source.queue.url, messages=len(flights), why=str(error))
        return
    for each in rejected:
        log.warning("not kept hidden", queue=source.queue.url, message=each.delivery.id, why=each.why)
    gone = {each.delivery.receipt for each in rejected if each.gone}
    for flight in flights:
        flight.hidden_until = float("inf") if flight.delivery.receipt in gone else until
