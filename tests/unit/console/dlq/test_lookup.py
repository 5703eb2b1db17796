"""The beginning of an id means one letter, or the person is told why not."""

from __future__ import annotations

import pytest

from headrace.console.dlq.letter import letter_id
from headrace.console.dlq.lookup import ENOUGH, Finder, Sighting, narrowed, the_one
from headrace.console.errors import Refused
from headrace.console.kafka.offsets import Span
from tests.unit.console.dlq.letters import failed


def seen(*ids: str) -> list[Sighting]:
    return [Sighting(id_, failed("e", 0), 1) for id_ in ids]


def test_a_unique_beginning_is_enough() -> None:
    assert the_one("probe-ab", seen("probe-ab12", "probe-cd34")).id == "probe-ab12"


def test_an_unknown_letter_is_said_to_be_unknown() -> None:
    with pytest.raises(Refused, match=r"^there is no letter probe-x: headrace dlq list"):
        the_one("probe-x", seen("probe-ab12"))


def test_an_ambiguous_beginning_names_what_it_may_be() -> None:
    with pytest.raises(Refused, match=r"^probe-a may be probe-a10000000000, probe-a20000000000: say which$"):
        the_one("probe-a", seen("probe-a1" + "0" * 30, "probe-a2" + "0" * 30))


def test_a_finder_gives_the_last_record_of_a_letter_and_how_many_there_were() -> None:
    id_ = letter_id(failed("a", 0))
    finder = Finder([id_[:12]])
    finder.take([failed("a", 0), failed("b", 1)])
    finder.take([failed("a", 2)])
    assert finder.found() == [Sighting(id_, failed("a", 2), 2)]


def test_a_finder_does_not_gather_all_that_begins_with_too_little() -> None:
    finder = Finder(["probe-"])
    finder.take([failed(f"e{number}", number) for number in range(1000)])
    assert len(finder.found()) == ENOUGH + 1


def test_only_topics_that_can_hold_a_letter_are_looked_at() -> None:
    spans = {("probe.dlq", 0): Span(0, 1), ("scan.dlq", 0): Span(0, 1)}
    assert list(narrowed(spans, ["probe-12"])) == [("probe.dlq", 0)]
    assert list(narrowed(spans, ["probe-12", "s"])) == list(spans)
