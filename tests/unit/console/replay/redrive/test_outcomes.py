"""Outcomes of redriven records are independent of the reading order."""

from __future__ import annotations

import random

import pytest

from headrace.console.kafka.offsets import CommittedOffset
from headrace.console.replay.redrive.outcomes import RedriveOutcomes
from headrace.schemas.messages import ConsumerRecord, ProducerRecord
from headrace.streams.engine.dlq import RedriveInfo, dead_letter, redrive_record, retry_record
from headrace.streams.engine.outcome import Dead, Retry
from tests.support.records import NOW, arrived, raw
from tests.unit.console.asset_history import a_stage

LABELS = a_stage("labels")
REPLAY = RedriveInfo("r1", "ada@host")
DEAD = Dead("unreadable", "no moov atom", "PermanentError")


def letter(number: int) -> ConsumerRecord:
    """A dead letter of the event `e<number>`, at that offset."""
    first = raw(b"v", (("ce_id", f"e{number}".encode()),), "media.ready", number)
    return arrived(dead_letter(LABELS, first, DEAD, 1, NOW), number)


def sent(number: int, replay: RedriveInfo = REPLAY) -> ConsumerRecord:
    return arrived(redrive_record(letter(number), replay), 100 + number)


def again(number: int) -> ConsumerRecord:
    """The dead letter after another failure."""
    return arrived(dead_letter(LABELS, sent(number), Dead("timeout", "slow", "Transient"), 1, NOW), 200 + number)


def retried(number: int) -> ConsumerRecord:
    return arrived(retry_record(LABELS, sent(number), Retry(5.0, "throttled", "busy"), 1, NOW), 300 + number)


def result(number: int) -> ConsumerRecord:
    return arrived(ProducerRecord("media.labelled", b"k", b"v", (("ce_causationid", f"e{number}".encode()),)))


def counts(*records: ConsumerRecord, committed: int = 0, replay: str = "r1") -> dict[str, int]:
    outcomes = RedriveOutcomes(replay, "labels")
    for record in records:
        outcomes.take(record)
    outcomes.committed({("labels.retry", 0): CommittedOffset(committed), ("labels.retry", 1): CommittedOffset(999)})
    return {str(outcome): number for outcome, number in outcomes.counts().items()}


def test_sent_record_is_waiting() -> None:
    assert counts(sent(1), sent(2)) == {"done": 0, "failed": 0, "waiting": 2}


def test_result_means_done() -> None:
    assert counts(sent(1), sent(2), result(1)) == {"done": 1, "failed": 0, "waiting": 1}


def test_commit_past_the_record_means_done() -> None:
    assert counts(sent(1), sent(2), committed=102) == {"done": 1, "failed": 0, "waiting": 1}


def test_new_dead_letter_means_failed_even_after_the_commit() -> None:
    assert counts(sent(1), again(1), committed=999) == {"done": 0, "failed": 1, "waiting": 0}


def test_retried_record_is_waiting() -> None:
    assert counts(sent(1), retried(1), committed=102) == {"done": 0, "failed": 0, "waiting": 1}
    assert counts(sent(1), retried(1), committed=302) == {"done": 1, "failed": 0, "waiting": 0}


def test_ignores_other_replays_and_results() -> None:
    other = RedriveInfo("r2", "bob@host")
    foreign = arrived(dead_letter(LABELS, sent(3, other), DEAD, 1, NOW))
    assert counts(sent(1), sent(2, other), foreign, result(7)) == {"done": 0, "failed": 0, "waiting": 1}


def test_ignores_results_without_a_causation_id() -> None:
    bare = arrived(ProducerRecord("media.labelled", b"k", b"v"))
    no_event = arrived(redrive_record(arrived(dead_letter(LABELS, raw(b"v"), DEAD, 1, NOW), 9), REPLAY), 5)
    assert counts(no_event, bare) == {"done": 0, "failed": 0, "waiting": 1}


@pytest.mark.parametrize("seed", range(20))
def test_reading_order_does_not_matter(seed: int) -> None:
    records = [sent(1), sent(2), sent(3), sent(4), again(1), retried(2), result(3)]
    random.Random(seed).shuffle(records)
    assert counts(*records, committed=104) == {"done": 1, "failed": 1, "waiting": 2}


def test_counts_failures_by_their_new_code() -> None:
    outcomes = RedriveOutcomes("r1", "labels")
    for record in (again(1), sent(1), again(2), sent(2), again(3)):
        outcomes.take(record)
    assert outcomes.codes() == {"timeout": 2}
    assert outcomes.outcome(b"labels.dlq/0/1") == "failed"
