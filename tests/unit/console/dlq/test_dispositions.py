"""Manual dispositions are permanent; a redrive disposition ends with the next failure."""

from __future__ import annotations

import pytest

from headrace.console.dlq.dispositions import Disposition, decide, disposition_of, message, read, withdrawal
from headrace.console.errors import CommandError
from headrace.schemas import topics
from headrace.schemas.messages import ConsumerRecord
from headrace.schemas.redaction import PLACEHOLDER
from tests.support.records import NOW

ID = "probe-" + "0" * 32
DECIDED = decide(ID, "wont-fix", " not ours ", "ann@desk", NOW)
REDRIVEN = Disposition(ID, "redriven", "replay 1", "ann@desk", "2026-03-14T15:09:26.000Z", "probe.dlq/1/7")


def record(offset: int, partition: int = 1) -> ConsumerRecord:
    return ConsumerRecord("probe.dlq", partition, offset, 1.0, b"k", None, ())


def test_disposition_round_trips_under_the_letter_id() -> None:
    sent = message(DECIDED)
    assert (sent.topic, sent.key) == (topics.DISPOSITIONS.name, ID.encode())
    assert read([(sent.key, sent.value)]) == {ID: DECIDED}
    assert (DECIDED.why, DECIDED.at) == ("not ours", "2026-03-14T15:09:26.000Z")


def test_newest_disposition_is_used() -> None:
    later = decide(ID, "superseded", "done by hand", "bob@desk", NOW)
    assert read((each.key, each.value) for each in map(message, (DECIDED, later))) == {ID: later}


def test_reason_of_a_disposition_is_safe_text() -> None:
    decided = decide(ID, "wont-fix", "token=CANARY\n\x1b[31m", "ann\ndesk", NOW)
    assert (decided.why, decided.by) == (rf"token={PLACEHOLDER}\n\x1b[31m", r"ann\ndesk")


def test_disposition_can_be_reverted() -> None:
    sent = [message(DECIDED), withdrawal(ID, "ann", NOW)]
    assert read((each.key, each.value) for each in sent) == {}


@pytest.mark.parametrize("why", ["", "  "])
def test_disposition_requires_a_reason(why: str) -> None:
    with pytest.raises(CommandError, match="--why"):
        decide(ID, "wont-fix", why, "ann", NOW)


def test_manual_disposition_covers_later_records() -> None:
    assert disposition_of(ID, record(99, partition=3), {ID: DECIDED}) == DECIDED


@pytest.mark.parametrize(
    ("of", "covered"), [(record(7), True), (record(6), True), (record(8), False), (record(7, partition=2), False)]
)
def test_letter_that_fails_after_a_redrive_is_open(of: ConsumerRecord, covered: bool) -> None:
    assert disposition_of(ID, of, {ID: REDRIVEN}) == (REDRIVEN if covered else None)


def test_letter_without_a_disposition_is_open() -> None:
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
def test_invalid_dispositions_are_skipped(value: bytes) -> None:
    assert read([(None, value), (ID.encode(), value)]) == {}
