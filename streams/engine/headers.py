"""Read and write the history of a record in its headers.

Each hop starts from the original headers, so headers do not accumulate: key, value and original headers are unchanged.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import compress
from operator import itemgetter

from headrace.schemas import topics
from headrace.schemas.cloudevents import Header, Headers
from headrace.schemas.messages import ConsumerRecord
from headrace.schemas.parsing import InvalidValueError, parse_int, parse_text, parse_time
from headrace.schemas.spans import current_span
from headrace.schemas.topics import DAY_MS, retry

RETRY = "retry-"
DEAD_LETTER = "dlq-"
REPLAY = "replay-"
FAILED_SPAN = "traceparent"
"""After `retry-` or `dlq-`: the span of the attempt that failed, which the next attempt links to."""
RETRY_TOPIC = ".retry"
"""The end of the name of a retry topic. A stage reads no retry topic but its own: `Stage` rejects others."""

REPLAY_HEADERS = frozenset(f"{REPLAY}{name}" for name in ("id", "operator", "reason", "of", "count", "attempts"))
MAX_COUNT = 1_000_000
"""Attempts, waits and redrives. A record that waits 10 s at a time for 30 days has 259,200 waits."""
MAX_DELAY_MS = retry("").retention_days * DAY_MS
MAX_PARTITION = 2**31 - 1
MAX_TIMESTAMP_MS = 253_402_300_799_999
"""The end of the year 9999."""
MAX_TOPIC_LENGTH = 249
MAX_TEXT_BYTES = 4_000
"""A reason of 1,000 characters in UTF-8."""

_TOPIC_NAME = re.compile(r"[A-Za-z0-9._-]{1,249}")
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
    """Read the history from the retry headers; a record without valid ones is on its first delivery.

    They count on the stage's retry topic only, to which stages and operators write. On any other topic a producer may
    have forged them.
    """
    here = RecordHistory(record.topic, record.partition, record.offset, record.timestamp)
    if not record.topic.endswith(RETRY_TOPIC):
        return here
    values = {name: value for name, value in record.headers if name.startswith(RETRY) and value is not None}
    if "retry-topic" not in values:
        return here
    try:
        return RecordHistory(
            topic=_topic_name(values["retry-topic"]),
            partition=parse_int(values["retry-partition"], 0, MAX_PARTITION),
            offset=parse_int(values["retry-offset"]),
            timestamp=parse_int(values["retry-timestamp"], 0, MAX_TIMESTAMP_MS) / 1000,
            failures=parse_int(values["retry-attempts"], 0, MAX_COUNT),
            first_failure=_timestamp_text(values["retry-first-failure"]),
            waits=parse_int(values["retry-waits"], 0, MAX_COUNT),
        )
    except (KeyError, InvalidValueError):  # not written by a stage: a first delivery
        return here


def due_at(record: ConsumerRecord) -> float:
    """Return the time in seconds at which a record is due: the broker's timestamp plus the delay.

    Only records of a retry topic have a delay. Skipping the others saves a third of the scheduling cost. A delay
    longer than the topic's retention was not written by a stage and is ignored.
    """
    if not record.topic.endswith(RETRY_TOPIC):
        return 0.0
    for name, value in record.headers:
        if name == "retry-after-ms":
            try:
                return record.timestamp + parse_int(value, 0, MAX_DELAY_MS) / 1000
            except InvalidValueError:
                return 0.0
    return 0.0


def _topic_name(value: bytes) -> str:
    name = parse_text(value, MAX_TOPIC_LENGTH)
    if not _TOPIC_NAME.fullmatch(name):
        raise InvalidValueError("not the name of a topic")
    return name


def _timestamp_text(value: bytes) -> str:
    text_ = parse_text(value, MAX_TEXT_BYTES)
    parse_time(text_)
    return text_


def original_headers(headers: Headers) -> Headers:
    """Return the original headers."""
    return tuple(compress(headers, _are_own(tuple(map(_NAME, headers)))))


@lru_cache(1024)
def _are_own(names: tuple[str, ...]) -> tuple[bool, ...]:
    """Return which headers are original. Cached: most records have the same names in the same order."""
    return tuple([not name.startswith((RETRY, DEAD_LETTER, REPLAY)) for name in names])


def dead_letter_headers(record: ConsumerRecord) -> Headers:
    """Return the reason of a dead letter, also of one that waits in a retry topic.

    The result is empty for all other records: every producer can write these headers.
    """
    topic = record_history(record).topic if record.topic.endswith(RETRY_TOPIC) else record.topic
    if not topics.is_dead_letters(topic):
        return ()
    return tuple(header for header in record.headers if header[0].startswith(DEAD_LETTER))


def replay_headers(record: ConsumerRecord) -> Headers:
    """Return the headers of this stage's last redrive; on an input record they are another stage's.

    Only the headers that a redrive writes, of bounded length, are returned; of several with one name, the last.
    """
    if not record.topic.endswith(RETRY_TOPIC):
        return ()
    values = {name: value for name, value in record.headers if name in REPLAY_HEADERS and value is not None}
    return tuple([(name, value) for name, value in values.items() if len(value) <= MAX_TEXT_BYTES])


def count_in(headers: Mapping[str, bytes | None], name: str) -> int:
    """Return a header as a number; 0 when it is missing or not a number in bounds."""
    try:
        return parse_int(headers.get(name), 0, MAX_COUNT)
    except InvalidValueError:
        return 0


def origin_headers(prefix: str, origin: RecordHistory) -> Headers:
    """Return headers with the position of the first delivery."""
    return (
        text(f"{prefix}topic", origin.topic),
        text(f"{prefix}partition", origin.partition),
        text(f"{prefix}offset", origin.offset),
        text(f"{prefix}timestamp", timestamp_ms(origin.timestamp)),
    )


def timestamp_ms(seconds: float) -> int:
    """Return a timestamp of a record in milliseconds, from 1970 to 9999. Producers may set any, or none (-1)."""
    return int(min(max(seconds * 1000, 0), MAX_TIMESTAMP_MS))


def failed_span(prefix: str) -> Headers:
    """Return the header that names the current span; none without tracing."""
    span = current_span()
    return () if span is None else (text(prefix + FAILED_SPAN, span.context.traceparent),)


def text(name: str, value: object) -> Header:
    """Return a text header."""
    return (name, str(value).encode())
