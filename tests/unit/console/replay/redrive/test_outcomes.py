"""What has become of redriven records, whatever the order in which the log is read."""

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
    """A letter of the event `e<number>`, at that offset."""
    first = raw(b"v", (("ce_id", f"e{number}".encode()),), "media.ready", number)
    return arrived(dead_letter(LABELS, first, DEAD, 1, NOW), number)


def sent(number: int, replay: RedriveInfo = REPLAY) -> ConsumerRecord:
    return arrived(redrive_record(letter(number), replay), 100 + number)


def again(number: int) -> ConsumerRecord:
    """The letter that comes of it when it fails again."""
    return arrived(dead_letter(LABELS, sent(number), Dead("timeout", "slow", "Transient"), 1, NOW), 200 + number)


def put_off(number: int) -> ConsumerRecord:
    return arrived(retry_record(LABELS, sent(number), Retry(5.0, "throttled", "busy"), 1, NOW), 300 + number)


def result(number: int) -> ConsumerRecord:
    return arrived(ProducerRecord("media.labelled", b"k", b"v", (("ce_causationid", f"e{number}".encode()),)))


def told(*records: ConsumerRecord, committed: int = 0, replay: str = "r1") -> dict[str, int]:
    found = RedriveOutcomes(replay, "labels")
    for record in records:
        found.take(record)
    found.committed({("labels.retry", 0): CommittedOffset(committed), ("labels.retry", 1): CommittedOffset(999)})
    return {str(ending): number for ending, number in found.counts().items()}


def test_a_record_is_waiting_until_something_is_heard_of_it() -> None:
    assert told(sent(1), sent(2)) == {"done": 0, "failed": 0, "waiting": 2}


def test_a_result_on_the_log_ends_a_record() -> None:
    assert told(sent(1), sent(2), result(1)) == {"done": 1, "failed": 0, "waiting": 1}


def test_a_stage_that_has_committed_past_a_record_has_ended_it() -> None:
    assert told(sent(1), sent(2), committed=102) == {"done": 1, "failed": 0, "waiting": 1}


def test_a_new_letter_says_that_it_failed_again_also_when_the_stage_has_committed() -> None:
    assert told(sent(1), again(1), committed=999) == {"done": 0, "failed": 1, "waiting": 0}


def test_a_record_that_is_tried_again_later_has_not_ended() -> None:
    assert told(sent(1), put_off(1), committed=102) == {"done": 0, "failed": 0, "waiting": 1}
    assert told(sent(1), put_off(1), committed=302) == {"done": 1, "failed": 0, "waiting": 0}


def test_other_replays_and_other_results_are_not_ours() -> None:
    other = RedriveInfo("r2", "bob@host")
    foreign = arrived(dead_letter(LABELS, sent(3, other), DEAD, 1, NOW))
    assert told(sent(1), sent(2, other), foreign, result(7)) == {"done": 0, "failed": 0, "waiting": 1}


def test_a_result_without_a_cause_is_nobodys() -> None:
    bare = arrived(ProducerRecord("media.labelled", b"k", b"v"))
    no_event = arrived(redrive_record(arrived(dead_letter(LABELS, raw(b"v"), DEAD, 1, NOW), 9), REPLAY), 5)
    assert told(no_event, bare) == {"done": 0, "failed": 0, "waiting": 1}


@pytest.mark.parametrize("seed", range(20))
def test_the_order_of_reading_does_not_matter(seed: int) -> None:
    records = [sent(1), sent(2), sent(3), sent(4), again(1), put_off(2), result(3)]
    random.Random(seed).shuffle(records)
    assert told(*records, committed=104) == {"done": 1, "failed": 1, "waiting": 2}


def test_what_failed_again_is_counted_by_its_new_code() -> None:
    found = RedriveOutcomes("r1", "labels")
    for record in (again(1), sent(1), again(2), sent(2), again(3)):
        found.take(record)
    assert found.codes() == {"timeout": 2}
    assert found.ending(b"labels.dlq/0/1") == "failed"
