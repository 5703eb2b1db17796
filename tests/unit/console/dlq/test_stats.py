"""Statistics count each dead letter once, by its last record."""

from __future__ import annotations

import pickle

import pytest

from headrace.console.dlq import stats
from headrace.console.dlq.dispositions import Disposition, decide
from headrace.console.dlq.stats import OTHER, FailureKindKey, LetterCounter, LetterStats, total
from headrace.console.kafka.letter_id import letter_id
from headrace.schemas.messages import ConsumerRecord
from tests.support.records import NOW
from tests.unit.console.dlq.letters import AT, a_letter, failed

HOUR = 3600
TIMEOUT = FailureKindKey("probe", "timeout", "Transient", "took <n> s")


def tallied(*records: ConsumerRecord, known: dict[str, Disposition] | None = None) -> LetterStats:
    tally = LetterCounter(known or {})
    for record in records:
        tally.take([record])
    return total([tally.found()])


def test_letters_are_counted_by_stage_code_and_class() -> None:
    found = tallied(failed("a", 0), failed("b", 1), failed("c", 2, code="decode", why="junk"))
    assert (found.letters, found.records) == (3, 3)
    assert (found.by("stage"), found.by("code")) == ({"probe": 3}, {"timeout": 2, "decode": 1})
    assert found.by("name") == {"Transient": 3}


def test_letters_are_counted_by_hour_of_failure() -> None:
    found = tallied(failed("a", 0), failed("b", 60), failed("c", HOUR))
    assert found.by_hour() == {"2026-03-14T15": 2, "2026-03-14T16": 1}


def test_similar_reasons_form_one_group() -> None:
    [group] = tallied(failed("a", 0, why="took 300 s"), failed("b", HOUR, why="took 4.5 s")).groups
    assert (group.kind, group.letters) == (TIMEOUT, 2)
    assert (group.first, group.last) == ("2026-03-14T15:09:26.000Z", "2026-03-14T16:09:26.000Z")
    assert group.example == letter_id(failed("b", HOUR))


def test_repeated_letter_counts_once_by_its_last_record() -> None:
    found = tallied(failed("a", 0), failed("b", 1), failed("a", 2, code="unreadable"))
    assert (found.letters, found.records) == (2, 3)
    assert found.by("code") == {"timeout": 1, "unreadable": 1}


def test_group_describes_the_newest_record_of_each_letter() -> None:
    [group] = tallied(failed("a", 0), failed("b", 1), failed("a", 2)).groups
    assert (group.first, group.last) == ("2026-03-14T15:09:27.000Z", "2026-03-14T15:09:28.000Z")
    assert group.example == letter_id(failed("a", 0))


def test_example_of_letters_that_failed_together_has_the_greatest_id() -> None:
    letters = [failed(name, 0) for name in "abcd"]
    examples = {tallied(*order).groups[0].example for order in (letters, letters[::-1])}
    assert examples == {max(map(letter_id, letters))}


def test_times_of_failure_are_compared_in_utc() -> None:
    offset = a_letter(("dlq-last-failure", b"2026-03-14T17:09:26.500+02:00"))
    [group] = tallied(offset).groups
    assert (group.first, group.hours) == ("2026-03-14T15:09:26.500Z", {"2026-03-14T15": 1})


def test_resolved_letters_are_counted_separately() -> None:
    id_ = letter_id(failed("a", 0))
    found = tallied(failed("a", 0), failed("b", 1), known={id_: decide(id_, "wont-fix", "old", "ann", NOW)})
    assert (found.letters, found.resolved) == (1, 1)


def test_letter_that_fails_after_its_redrive_is_open() -> None:
    id_ = letter_id(failed("a", 0))
    known = {id_: Disposition(id_, "redriven", "", "", "", "probe.dlq/1/0")}
    assert tallied(failed("a", 0), known=known).letters == 0
    assert tallied(failed("a", 0), failed("a", 1), known=known).letters == 1


def test_group_is_new_for_one_day() -> None:
    found = tallied(failed("a", 0), failed("b", 100))
    [group] = found.groups
    assert found.is_new(group, AT + 23 * HOUR)
    assert not found.is_new(group, AT + 25 * HOUR)


def test_partition_counts_are_merged() -> None:
    one, other = tallied(failed("a", 0), failed("x", 9, why="junk")), tallied(failed("b", HOUR))
    found = total([one, other])
    assert [(group.letters, group.kind.normalized_reason) for group in found.groups] == [(2, "took <n> s"), (1, "junk")]
    assert found.groups[0].hours == {"2026-03-14T15": 1, "2026-03-14T16": 1}
    assert (found.groups[0].first, found.groups[0].example) == ("2026-03-14T15:09:26.000Z", letter_id(failed("b", 0)))


def test_letter_without_headers_counts_at_its_record_timestamp() -> None:
    found = tallied(
        a_letter(timestamp=AT), a_letter(("dlq-last-failure", b"2026-99-99T99:99:99.999Z"), offset=8, timestamp=AT)
    )
    assert found.by("code") == {"unknown": 2}
    assert found.by_hour() == {"2026-03-14T15": 2}


def test_any_timestamp_is_counted() -> None:
    assert tallied(a_letter(timestamp=1e18), a_letter(timestamp=-1e18, offset=8)).letters == 2


def test_excess_groups_are_combined(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stats, "REMEMBERED", 2)
    found = tallied(*(failed(why, number, why=why) for number, why in enumerate(("red", "green", "blue", "grey"))))
    assert {group.kind.normalized_reason: group.letters for group in found.groups} == {"red": 1, "green": 1, OTHER: 2}


def test_counts_can_be_pickled() -> None:
    found = tallied(failed("a", 0))
    assert pickle.loads(pickle.dumps(found)) == found


def test_group_names_have_no_secrets() -> None:
    [group] = tallied(failed("a", 0, code="AKIACANARYCANARY0000", why="GET https://b/k?sig=CANARY")).groups
    assert "CANARY" not in repr(group.kind)
