"""A prefix of an id resolves to one dead letter, or is an error."""

from __future__ import annotations

import pytest

from headrace.console.dlq.lookup import MAX_CANDIDATES, LetterFinder, LetterMatch, narrowed, resolve_prefix
from headrace.console.errors import CommandError
from headrace.console.kafka.letter_id import letter_id
from headrace.console.kafka.offsets import OffsetRange
from tests.unit.console.dlq.letters import failed


def seen(*ids: str) -> list[LetterMatch]:
    return [LetterMatch(id_, failed("e", 0), 1) for id_ in ids]


def test_unique_prefix_resolves() -> None:
    assert resolve_prefix("probe-ab", seen("probe-ab12", "probe-cd34")).id == "probe-ab12"


def test_unknown_prefix_is_an_error() -> None:
    with pytest.raises(CommandError, match=r"^there is no dead letter probe-x: headrace dlq list"):
        resolve_prefix("probe-x", seen("probe-ab12"))


def test_ambiguous_prefix_error_lists_candidates() -> None:
    with pytest.raises(CommandError, match=r"^probe-a may be probe-a10000000000, probe-a20000000000: say which$"):
        resolve_prefix("probe-a", seen("probe-a1" + "0" * 30, "probe-a2" + "0" * 30))


def test_finds_the_last_record_and_the_record_count() -> None:
    id_ = letter_id(failed("a", 0))
    finder = LetterFinder([id_[:12]])
    finder.take([failed("a", 0), failed("b", 1)])
    finder.take([failed("a", 2)])
    assert finder.found() == [LetterMatch(id_, failed("a", 2), 2)]


def test_short_prefix_does_not_collect_all_letters() -> None:
    finder = LetterFinder(["probe-"])
    finder.take([failed(f"e{number}", number) for number in range(1000)])
    assert len(finder.found()) == MAX_CANDIDATES + 1


def test_reads_only_topics_that_match_the_prefix() -> None:
    spans = {("probe.dlq", 0): OffsetRange(0, 1), ("scan.dlq", 0): OffsetRange(0, 1)}
    assert list(narrowed(spans, ["probe-12"])) == [("probe.dlq", 0)]
    assert list(narrowed(spans, ["probe-12", "s"])) == list(spans)
