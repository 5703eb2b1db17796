"""Read and write the history of a record in its headers.

Each hop starts from the original headers, so headers do not accumulate: key, value and original headers are unchanged.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import compress
from operator import itemgetter

from headrace.schemas.cloudevents import Header, Headers
from headrace.schemas.messages import ConsumerRecord

RETRY = "retry-"
DEAD_LETTER = "dlq-"
REPLAY = "replay-"
RETRY_TOPIC = ".retry"

_NAME: Callable[[Header], str] = itemgetter(0)


@dataclass(frozen=True, slots=True)
class RecordHistory:
    """The position of the first delivery, and the failures and waits since. `timestamp` is in seconds."""

    topic: str
    partition: int
    offset: int
    timestamp: float
    failures: int = 0
    first_failure: str = ""
    waits: int = 0


def record_history(record: ConsumerRecord) -> RecordHistory:
    """Read the history from the retry headers; a record without them is on its first delivery."""
    found = {name: value for name, value in record.headers if name.startswith(RETRY) and value is not None}
    here = RecordHistory(record.topic, record.partition, record.offset, record.timestamp)
    if "retry-topic" not in found:
        return here
    try:
        return RecordHistory(
            topic=found["retry-topic"].decode(),
            partition=int(found["retry-partition"]),
            offset=int(found["retry-offset"]),
            timestamp=int(found["retry-timestamp"]) / 1000,
            failures=int(found["retry-attempts"]),
            first_failure=found["retry-first-failure"].decode(),
            waits=int(found["retry-waits"]),
        )
    except (KeyError, ValueError):  # not written by a stage: a first delivery
        return here


def due_at(record: ConsumerRecord) -> float:
    """Return the time in seconds at which a record is due: the broker's timestamp plus the delay.

    Only records of a retry topic have a delay. Skipping the others saves a third of the scheduling cost.
    """
    if not record.topic.endswith(RETRY_TOPIC):
        return 0.0
    for name, value in record.headers:
        if name == "retry-after-ms" and value is not None and value.isdigit():
            return record.timestamp + int(value) / 1000
    return 0.0


def original_headers(headers: Headers) -> Headers:
    """Return the original headers."""
    return tuple(compress(headers, _are_own(tuple(map(_NAME, headers)))))


@lru_cache(1024)
def _are_own(names: tuple[str, ...]) -> tuple[bool, ...]:
    """Return which headers are original. Cached: most records have the same names in the same order."""
    return tuple([not name.startswith((RETRY, DEAD_LETTER, REPLAY)) for name in names])


def replay_headers(record: ConsumerRecord) -> Headers:
    """Return the headers of this stage's last redrive; on an input record they are another stage's."""
    if not record.topic.endswith(RETRY_TOPIC):
        return ()
    return tuple(header for header in record.headers if header[0].startswith(REPLAY))


def count_in(headers: Mapping[str, bytes | None], name: str) -> int:
    """Return a header as a number; 0 when it is missing or not a number."""
    found = headers.get(name) or b""
    return int(found) if found.isdigit() else 0


def origin_headers(prefix: str, origin: RecordHistory) -> Headers:
    """Return headers with the position of the first delivery."""
    return (
        text(f"{prefix}topic", origin.topic),
        text(f"{prefix}partition", origin.partition),
        text(f"{prefix}offset", origin.offset),
        text(f"{prefix}timestamp", int(origin.timestamp * 1000)),
    )


def text(name: str, value: object) -> Header:
    """Return a text header."""
    return (name, str(value).encode())
