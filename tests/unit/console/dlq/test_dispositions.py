"""What was decided holds: for a person's decision whatever happens, for a redrive until the letter fails again."""

from __future__ import annotations

import pytest

from headrace.console.dlq.dispositions import Disposition, decide, disposition_of, message, read, withdrawal
from headrace.console.errors import CommandError
from headrace.schemas import topics
from headrace.schemas.messages import ConsumerRecord
from tests.support.records import NOW

ID = "probe-" + "0" * 32
DECIDED = decide(ID, "wont-fix", " not ours ", "ann@desk", NOW)
REDRIVEN = Disposition(ID, "redriven", "replay 1", "ann@desk", "2026-03-14T15:09:26.000Z", "probe.dlq/1/7")


def record(offset: int, partition: int = 1) -> ConsumerRecord:
    return ConsumerRecord("probe.dlq", partition, offset, 1.0, b"k", None, ())


def test_a_decision_is_written_under_the_letters_id_and_read_back() -> None:
    sent = message(DECIDED)
    assert (sent.topic, sent.key) == (topics.DISPOSITIONS.name, ID.encode())
    assert read([(sent.key, sent.value)]) == {ID: DECIDED}
    assert (DECIDED.why, DECIDED.at) == ("not ours", "2026-03-14T15:09:26.000Z")


def test_the_last_word_on_a_letter_counts() -> None:
    later = decide(ID, "superseded", "done by hand", "bob@desk", NOW)
    assert read((each.key, each.value) for each in map(message, (DECIDED, later))) == {ID: later}


def test_a_decision_can_be_taken_back() -> None:
    sent = [message(DECIDED), withdrawal(ID)]
    assert read((each.key, each.value) for each in sent) == {}


@pytest.mark.parametrize("why", ["", "  "])
def test_a_decision_needs_a_reason(why: str) -> None:
    with pytest.raises(CommandError, match="--why"):
        decide(ID, "wont-fix", why, "ann", NOW)


def test_a_persons_decision_holds_also_for_what_comes_later() -> None:
    assert disposition_of(ID, record(99, partition=3), {ID: DECIDED}) == DECIDED


@pytest.mark.parametrize(
    ("of", "covered"), [(record(7), True), (record(6), True), (record(8), False), (record(7, partition=2), False)]
)
def test_a_letter_that_fails_again_after_a_redrive_is_open_again(of: ConsumerRecord, covered: bool) -> None:
    assert disposition_of(ID, of, {ID: REDRIVEN}) == (REDRIVEN if covered else None)


def test_a_letter_that_nothing_was_decided_about_is_open() -> None:
    assert disposition_of(ID, record(7), {}) is None


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"\xff",
        b"{}",
        b'"words"',
        b'{"letter":"other","kind":"wont-fix","why":"","by":"","at":""}',
        b'{"letter":"%b","kind":"lost","why":"","by":"","at":""}' % ID.encode(),
        b'{"letter":"%b","kind":"redriven","why":"","by":"","at":"","through":"probe.dlq/1/x"}' % ID.encode(),
    ],
)
def test_what_is_no_decision_is_passed_over(value: bytes) -> None:
    assert read([(None, value), (ID.encode(), value)]) == {}
