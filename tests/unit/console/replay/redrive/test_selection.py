"""Selection of dead letters: each once, oldest first, and none that is resolved."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.console.dlq.dispositions import Disposition
from headrace.console.dlq.letter import LetterFilter
from headrace.console.kafka.letter_id import letter_id
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
    """A dead letter of an event; `born` is the offset of its first arrival."""
    given = {"code": "unreadable", "key": b"media/cat.jpg", "partition": 0, "born": offset, "replays": 0, **changes}
    first = ConsumerRecord("media.uploaded", 0, given["born"], 1.0, given["key"], b"v", (("ce_id", event.encode()),))
    put = dead_letter(SCAN, first, Dead(given["code"], "no moov atom", "PermanentError"), 1, NOW)
    marks = (("replay-count", str(given["replays"]).encode()),)
    return ConsumerRecord("scan.dlq", given["partition"], offset, 2.0, put.key, put.value, put.headers + marks)


def verdicts(
    records: Iterable[ConsumerRecord], criteria: SelectionCriteria | None = None, past: RedriveHistory | None = None
) -> list[LetterVerdict]:
    return [letter.verdict for letter in classify(records, criteria or SelectionCriteria(), past or RedriveHistory())]


def test_selects_open_letters() -> None:
    assert verdicts([letter("e1", 0), letter("e2", 1)]) == ["redrive", "redrive"]


def test_only_the_newest_record_of_a_letter_is_selected() -> None:
    assert verdicts([letter("e1", 0), letter("e2", 1), letter("e1", 2)]) == ["older_record", "redrive", "redrive"]


def test_already_sent_letters_are_skipped() -> None:
    past = RedriveHistory(redriven=frozenset({(0, 0)}))
    assert verdicts([letter("e1", 0), letter("e2", 1)], past=past) == ["redriven", "redrive"]


def test_letters_that_failed_again_are_selected() -> None:
    past = RedriveHistory(redriven=frozenset({(0, 0)}))
    assert verdicts([letter("e1", 0), letter("e1", 1, replays=1)], past=past) == ["older_record", "redrive"]


def test_redrive_limit() -> None:
    records = [letter("e1", 0, replays=2), letter("e2", 1, replays=3)]
    assert verdicts(records) == ["redrive", "redrive_limit"]
    assert verdicts(records, SelectionCriteria(max_replays=4)) == ["redrive", "redrive"]


@pytest.mark.parametrize("kind", ["superseded", "wont-fix"])
def test_resolved_letters_are_skipped(kind: Any) -> None:
    record = letter("e1", 0)
    decision = Disposition(letter_id(record), kind, "no need", "ada", "2026")
    assert verdicts([record], past=RedriveHistory(decisions={decision.letter: decision})) == ["resolved"]


def test_redriven_disposition_does_not_resolve_a_letter() -> None:
    """Only the record in the retry topic counts: its disposition may be missing."""
    record = letter("e1", 0)
    decision = Disposition(letter_id(record), "redriven", "replay r1", "ada", "2026", "scan.dlq/0/0")
    assert verdicts([record], past=RedriveHistory(decisions={decision.letter: decision})) == ["redrive"]


def test_failed_jobs_are_not_retryable() -> None:
    assert verdicts([letter("e1", 0, code="job_failed")]) == ["not_retryable"]
    assert "headrace put" in why_not_retryable("job_failed")
    assert "--skip-store-check" in why_not_retryable("decode")


def test_filters_exclude_letters() -> None:
    records = [letter("e1", 0, code="timeout"), letter("e2", 1, key=b"media/dog.jpg")]
    assert verdicts(records, SelectionCriteria(LetterFilter(code="timeout"))) == ["redrive", "not_selected"]
    assert verdicts(records, SelectionCriteria(LetterFilter(key="dog.jpg"))) == ["not_selected", "redrive"]
    assert verdicts(records, SelectionCriteria(ids=(letter_id(records[0])[:16],))) == ["redrive", "not_selected"]


@pytest.mark.parametrize(
    ("kind", "verdict"),
    [
        ("stored", "succeeded"),
        ("superseded", "superseded"),
        ("given-up", "not_retryable"),
        ("worked", "redrive"),
        ("paid", "redrive"),
        ("joined", "redrive"),
        ("unwanted", "redrive"),
    ],
)
def test_reclassifies_by_the_forecast(kind: Any, verdict: str) -> None:
    [one] = classify([letter("e1", 5)], SelectionCriteria(), RedriveHistory())
    assert reclassify(one, RecordForecast(kind), NOTES).verdict == verdict


def test_letters_after_a_manually_set_position_are_selected_despite_results() -> None:
    before, after = classify([letter("e1", 5), letter("e2", 7)], SelectionCriteria(), RedriveHistory())
    notes = {0: CommitMetadata(redrive_again=6)}
    assert reclassify(before, RecordForecast("stored"), notes).verdict == "redrive"
    assert reclassify(after, RecordForecast("stored"), notes).verdict == "succeeded"
    assert reclassify(before, RecordForecast("superseded"), notes).verdict == "superseded"


def retried(number: int, offset: int) -> ConsumerRecord:
    return arrived(redrive_record(letter(f"e{number}", number), REPLAY), offset)


def test_retry_topic_names_the_letters_already_sent() -> None:
    retry = arrived(retry_record(SCAN, retried(3, 9), Retry(5.0, "busy", "busy"), 1, NOW))
    foreign = arrived(redrive_record(letter("e4", 4, partition=9), REPLAY))
    assert past_redrives([retried(1, 0), retried(2, 1), retry, foreign, raw(b"v")], NOTES) == {(0, 1), (0, 2)}


def test_redrives_before_a_manually_set_position_do_not_count() -> None:
    assert past_redrives([retried(1, 4), retried(2, 5)], {0: CommitMetadata(since={0: 5})}) == {(0, 2)}


def test_limit_keeps_the_oldest() -> None:
    records = [letter("e1", 0, born=9), letter("e2", 0, partition=1, born=3), letter("e3", 1, partition=1, born=5)]
    kept = limited(classify(records, SelectionCriteria(), RedriveHistory()), 2)
    assert [each.verdict for each in kept] == ["not_selected", "redrive", "redrive"]
    assert limited(kept, None) == kept


def keyed(spots: Sequence[tuple[str, int, int]]) -> list[ConsumerRecord]:
    """Dead letters of one partition, from their keys and first offsets."""
    return [letter(f"e{n}", n, key=key.encode(), born=born) for n, (key, born, _) in enumerate(spots)]


def test_ordered_keys_have_no_predecessors() -> None:
    records = keyed([("a", 1, 0), ("b", 0, 0), ("a", 2, 0)])
    assert predecessors(classify(records, SelectionCriteria(), RedriveHistory())) == {}


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 20), st.just(0)), max_size=15))
def test_letters_of_one_key_are_sent_in_order_of_first_arrival(spots: list[tuple[str, int, int]]) -> None:
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
def test_repeated_runs_converge(given: list[tuple[str, int]], max_replays: int, limit: int | None) -> None:
    records = [letter(event, offset, replays=replays) for offset, (event, replays) in enumerate(given)]
    criteria = SelectionCriteria(LetterFilter(limit=limit), max_replays=max_replays)
    redrives: frozenset[tuple[int, int]] = frozenset()
    for _ in range(len(records)):
        letters = limited(classify(records, criteria, RedriveHistory(redrives)), limit)
        sent = selected(letters)
        assert not redrives & {each.spot for each in sent}
        assert all(each.replays < max_replays for each in sent)
        redrives |= {each.spot for each in sent}
    assert selected(classify(records, criteria, RedriveHistory(redrives))) == []
    newest: dict[str, CandidateLetter] = {each.id: each for each in classify(records, criteria, RedriveHistory())}
    assert redrives == {each.spot for each in newest.values() if each.replays < max_replays}
