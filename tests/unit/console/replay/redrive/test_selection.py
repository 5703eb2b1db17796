"""Which letters go back: each one once, the oldest first, and none that is settled."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.console.dlq.dispositions import Disposition
from headrace.console.dlq.letter import LetterFilter, letter_id
from headrace.console.replay.forecast.effects import RecordForecast
from headrace.console.replay.redrive.position import CommitMetadata
from headrace.console.replay.redrive.selection import (
    CandidateLetter,
    LetterVerdict,
    RedriveHistory,
    SelectionCriteria,
    classify,
    in_key_order,
    limited,
    past_redrives,
    predecessors,
    reclassify,
    selected,
    why_not_retryable,
)
from headrace.schemas.messages import ConsumerRecord
from headrace.streams.engine.dlq import RedriveInfo, dead_letter, redrive_record, retry_record
from headrace.streams.engine.outcome import Dead, Retry
from tests.support.records import NOW, arrived, raw
from tests.unit.console.asset_history import a_stage

SCAN = a_stage("scan")
REPLAY = RedriveInfo("r1", "ada@host")
NOTES = {partition: CommitMetadata() for partition in range(4)}


def letter(event: str, offset: int, **changes: Any) -> ConsumerRecord:
    """A letter of an event, which was born when it became a letter unless `born` says another offset."""
    given = {"code": "unreadable", "key": b"media/cat.jpg", "partition": 0, "born": offset, "replays": 0, **changes}
    first = ConsumerRecord("media.uploaded", 0, given["born"], 1.0, given["key"], b"v", (("ce_id", event.encode()),))
    put = dead_letter(SCAN, first, Dead(given["code"], "no moov atom", "PermanentError"), 1, NOW)
    marks = (("replay-count", str(given["replays"]).encode()),)
    return ConsumerRecord("scan.dlq", given["partition"], offset, 2.0, put.key, put.value, put.headers + marks)


def verdicts(
    records: Iterable[ConsumerRecord], rules: SelectionCriteria | None = None, past: RedriveHistory | None = None
) -> list[LetterVerdict]:
    return [letter.verdict for letter in classify(records, rules or SelectionCriteria(), past or RedriveHistory())]


def test_a_letter_goes_back() -> None:
    assert verdicts([letter("e1", 0), letter("e2", 1)]) == ["redrive", "redrive"]


def test_of_several_records_of_one_letter_the_newest_goes_back() -> None:
    assert verdicts([letter("e1", 0), letter("e2", 1), letter("e1", 2)]) == ["repeated", "redrive", "redrive"]


def test_what_was_sent_and_not_heard_of_stays() -> None:
    past = RedriveHistory(redriven=frozenset({(0, 0)}))
    assert verdicts([letter("e1", 0), letter("e2", 1)], past=past) == ["redriven", "redrive"]


def test_what_was_sent_and_failed_again_goes_back_again() -> None:
    past = RedriveHistory(redriven=frozenset({(0, 0)}))
    assert verdicts([letter("e1", 0), letter("e1", 1, replays=1)], past=past) == ["repeated", "redrive"]


def test_what_was_redriven_as_often_as_it_may_be_stays() -> None:
    records = [letter("e1", 0, replays=2), letter("e2", 1, replays=3)]
    assert verdicts(records) == ["redrive", "capped"]
    assert verdicts(records, SelectionCriteria(max_replays=4)) == ["redrive", "redrive"]


@pytest.mark.parametrize("kind", ["superseded", "wont-fix"])
def test_what_somebody_has_settled_stays(kind: Any) -> None:
    record = letter("e1", 0)
    decision = Disposition(letter_id(record), kind, "no need", "ada", "2026")
    assert verdicts([record], past=RedriveHistory(decisions={decision.letter: decision})) == ["resolved"]


def test_that_it_is_written_down_as_redriven_does_not_settle_it() -> None:
    """Only the record in the retry topic does: it is there or not, where the note of it may have been lost."""
    record = letter("e1", 0)
    decision = Disposition(letter_id(record), "redriven", "replay r1", "ada", "2026", "scan.dlq/0/0")
    assert verdicts([record], past=RedriveHistory(decisions={decision.letter: decision})) == ["redrive"]


def test_a_job_that_its_service_gave_up_would_only_be_given_up_again() -> None:
    assert verdicts([letter("e1", 0, code="job_failed")]) == ["hopeless"]
    assert "headrace put" in why_not_retryable("job_failed")
    assert "--no-look" in why_not_retryable("decode")


def test_only_what_is_asked_for_goes_back() -> None:
    records = [letter("e1", 0, code="timeout"), letter("e2", 1, key=b"media/dog.jpg")]
    assert verdicts(records, SelectionCriteria(LetterFilter(code="timeout"))) == ["redrive", "other"]
    assert verdicts(records, SelectionCriteria(LetterFilter(key="dog.jpg"))) == ["other", "redrive"]
    assert verdicts(records, SelectionCriteria(ids=(letter_id(records[0])[:16],))) == ["redrive", "other"]


@pytest.mark.parametrize(
    ("kind", "verdict"),
    [
        ("stored", "succeeded"),
        ("superseded", "superseded"),
        ("given-up", "hopeless"),
        ("worked", "redrive"),
        ("paid", "redrive"),
        ("joined", "redrive"),
        ("unwanted", "redrive"),
    ],
)
def test_a_look_into_the_store_settles_what_needs_no_work(kind: Any, verdict: str) -> None:
    [one] = classify([letter("e1", 5)], SelectionCriteria(), RedriveHistory())
    assert reclassify(one, RecordForecast(kind), NOTES).verdict == verdict


def test_letters_behind_a_position_that_was_set_by_hand_go_back_whatever_the_store_has() -> None:
    before, after = classify([letter("e1", 5), letter("e2", 7)], SelectionCriteria(), RedriveHistory())
    notes = {0: CommitMetadata(redrive_again=6)}
    assert reclassify(before, RecordForecast("stored"), notes).verdict == "redrive"
    assert reclassify(after, RecordForecast("stored"), notes).verdict == "succeeded"
    assert reclassify(before, RecordForecast("superseded"), notes).verdict == "superseded"


def retried(number: int, offset: int) -> ConsumerRecord:
    return arrived(redrive_record(letter(f"e{number}", number), REPLAY), offset)


def test_records_in_the_retry_topic_say_which_letters_they_were() -> None:
    put_off = arrived(retry_record(SCAN, retried(3, 9), Retry(5.0, "busy", "busy"), 1, NOW))
    strange = arrived(redrive_record(letter("e4", 4, partition=9), REPLAY))
    assert past_redrives([retried(1, 0), retried(2, 1), put_off, strange, raw(b"v")], NOTES) == {(0, 1), (0, 2)}


def test_what_was_sent_before_the_position_was_set_by_hand_counts_no_more() -> None:
    assert past_redrives([retried(1, 4), retried(2, 5)], {0: CommitMetadata(since={0: 5})}) == {(0, 2)}


def test_no_more_than_the_limit_go_back_and_the_oldest_of_all() -> None:
    records = [letter("e1", 0, born=9), letter("e2", 0, partition=1, born=3), letter("e3", 1, partition=1, born=5)]
    kept = limited(classify(records, SelectionCriteria(), RedriveHistory()), 2)
    assert [each.verdict for each in kept] == ["other", "redrive", "redrive"]
    assert limited(kept, None) == kept


def keyed(spots: Sequence[tuple[str, int, int]]) -> list[ConsumerRecord]:
    """Letters as they lie in one partition: of each its key and when it was born."""
    return [letter(f"e{n}", n, key=key.encode(), born=born) for n, (key, born, _) in enumerate(spots)]


def test_keys_whose_letters_lie_in_order_need_no_bookkeeping() -> None:
    records = keyed([("a", 1, 0), ("b", 0, 0), ("a", 2, 0)])
    assert predecessors(classify(records, SelectionCriteria(), RedriveHistory())) == {}


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 20), st.just(0)), max_size=15))
def test_letters_of_one_key_go_back_in_the_order_in_which_they_were_born(spots: list[tuple[str, int, int]]) -> None:
    records = keyed(spots)
    letters = classify(records, SelectionCriteria(), RedriveHistory())
    sent = list(in_key_order(records, predecessors(letters)))
    assert sorted(record.offset for record in sent) == list(range(len(records)))
    born = {each.offset: each.born for each in letters}
    for key in "abc":
        own = [born[record.offset] for record in sent if record.key == key.encode()]
        assert own == sorted(own)


events = st.lists(st.tuples(st.sampled_from(["e1", "e2", "e3", "e4"]), st.integers(0, 4)), max_size=12)


@given(events, st.integers(1, 4), st.none() | st.integers(1, 3))
def test_a_second_run_changes_nothing(given: list[tuple[str, int]], max_replays: int, limit: int | None) -> None:
    records = [letter(event, offset, replays=replays) for offset, (event, replays) in enumerate(given)]
    rules = SelectionCriteria(LetterFilter(limit=limit), max_replays=max_replays)
    redrives: frozenset[tuple[int, int]] = frozenset()
    for _ in range(len(records)):
        letters = limited(classify(records, rules, RedriveHistory(redrives)), limit)
        sent = selected(letters)
        assert not redrives & {each.spot for each in sent}
        assert all(each.replays < max_replays for each in sent)
        redrives |= {each.spot for each in sent}
    assert selected(classify(records, rules, RedriveHistory(redrives))) == []
    newest: dict[str, CandidateLetter] = {each.id: each for each in classify(records, rules, RedriveHistory())}
    assert redrives == {each.spot for each in newest.values() if each.replays < max_replays}
