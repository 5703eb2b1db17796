"""Build dead letters, retry records and redriven records. Their headers are UTF-8 text.

Source: Enterprise Integration Patterns, "Dead Letter Channel".
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from headrace.schemas import topics
from headrace.schemas.cloudevents import Headers, timestamp
from headrace.schemas.messages import ConsumerRecord, ProducerRecord
from headrace.schemas.records import StageFailure
from headrace.schemas.safe_text import header_text
from headrace.streams.engine.headers import (
    DEAD_LETTER,
    FAILED_SPAN,
    RETRY,
    RETRY_TOPIC,
    count_in,
    dead_letter_headers,
    failed_span,
    origin_headers,
    original_headers,
    record_history,
    replay_headers,
    text,
)
from headrace.streams.engine.outcome import Dead, Retry
from headrace.streams.stage import Stage

LONGEST_REPLAY_REASON = 200
LONGEST_FAILURE = 500

REDRIVEN = "redriven"
"""`retry-code` of a redriven record."""

_LETTERS = topics.dead_letters("").name
_ORIGIN_HEADERS = tuple(
    (f"{DEAD_LETTER}{name}", f"{RETRY}{name}")
    for name in ("topic", "partition", "offset", "timestamp", "first-failure", FAILED_SPAN)
)
"""Headers of the first delivery and of the failure that a redriven record takes from the dead letter."""


@dataclass(frozen=True, slots=True)
class RedriveInfo:
    """One redrive: its id, operator and reason. `headers` are those of each of its records."""

    id: str
    operator: str
    reason: str = ""
    headers: Headers = field(init=False)

    def __post_init__(self) -> None:
        operator, reason = header_text(self.operator), header_text(self.reason, LONGEST_REPLAY_REASON)
        headers = (
            text("retry-attempts", 0),
            text("retry-waits", 0),
            text("retry-code", REDRIVEN),
            text("retry-message", f"by {operator}: {reason}"),
            text("replay-id", self.id),
            text("replay-operator", operator),
            text("replay-reason", reason),
        )
        object.__setattr__(self, "headers", headers)


def dead_letter(
    stage: Stage, record: ConsumerRecord, dead: Dead, attempts: int, now: datetime, asset: str = ""
) -> ProducerRecord:
    """Return the dead letter of a record: its original bytes with the reason in `dlq-*` headers.

    `asset` is the key of its asset. The letter of a job has the job token as its key, so a header names the asset.
    """
    origin, marks = record_history(record), replay_headers(record)
    reason = (
        text("dlq-stage", stage.name),
        text("dlq-stage-version", stage.version),
        text("dlq-code", dead.code),
        text("dlq-class", dead.kind),
        text("dlq-message", header_text(dead.why)),
        text("dlq-attempts", count_in(dict(marks), "replay-attempts") + origin.failures + attempts),
        text("dlq-first-failure", origin.first_failure or timestamp(now)),
        text("dlq-last-failure", timestamp(now)),
        *failed_span(DEAD_LETTER),
    )
    named = (text("dlq-asset", asset),) if asset and asset.encode() != record.key else ()
    headers = original_headers(record.headers) + reason + named + origin_headers(DEAD_LETTER, origin) + marks
    return ProducerRecord(topics.dead_letters(stage.name).name, record.key, record.value, headers)


def stage_failure(stage: Stage, dead: Dead) -> StageFailure:
    """Return the failure of a stage that is stored beside its results."""
    return StageFailure(stage=stage.name, code=dead.code, reason=header_text(dead.why, LONGEST_FAILURE))


def retry_record(stage: Stage, record: ConsumerRecord, retry: Retry, attempts: int, now: datetime) -> ProducerRecord:
    """Return the retry record, due `retry.after` seconds after the broker receives it."""
    origin = record_history(record)
    plan = (
        text("retry-after-ms", int(retry.after * 1000)),
        text("retry-attempts", origin.failures + attempts),
        text("retry-waits", origin.waits + (not retry.counts)),
        text("retry-code", retry.code),
        text("retry-message", header_text(retry.why)),
        text("retry-first-failure", origin.first_failure or timestamp(now)),
        *failed_span(RETRY),
    )
    kept = original_headers(record.headers) + dead_letter_headers(record)  # a rule may read dead letters
    headers = kept + plan + origin_headers(RETRY, origin) + replay_headers(record)
    return ProducerRecord(topics.retry(stage.name).name, record.key, record.value, headers)


def redrive_record(letter: ConsumerRecord, replay: RedriveInfo) -> ProducerRecord:
    """Return the original record of a dead letter for its stage's retry topic, due at once with all attempts left.

    The `replay-*` headers describe the last redrive: the number of redrives and of earlier attempts. A dead letter
    that results from it keeps them.
    """
    headers_by_name = dict(letter.headers)
    origin = tuple([(retry, value) for dead, retry in _ORIGIN_HEADERS if (value := headers_by_name.get(dead))])
    marks = (
        text("replay-of", f"{letter.topic}/{letter.partition}/{letter.offset}"),
        text("replay-count", count_in(headers_by_name, "replay-count") + 1),
        text("replay-attempts", count_in(headers_by_name, "dlq-attempts")),
    )
    headers = original_headers(letter.headers) + origin + marks + replay.headers
    return ProducerRecord(letter.topic.removesuffix(_LETTERS) + RETRY_TOPIC, letter.key, letter.value, headers)
