"""A page has the newest letters, from the topic tails or from a full scan."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.console.dlq import listing
from headrace.console.dlq.dispositions import Disposition, decide
from headrace.console.dlq.letter import LetterFilter
from headrace.console.dlq.listing import LetterPage, ListQuery, NewestLetters, merge_pages, tail
from headrace.console.kafka.letter_id import letter_id
from headrace.console.kafka.offsets import OffsetRange, TopicAndPartition
from headrace.schemas.messages import ConsumerRecord
from tests.support.records import NOW
from tests.unit.console.dlq.letters import failed

PLACE = ("probe.dlq", 1)


class Log:
    """In-memory dead-letter topics that count read records."""

    def __init__(self, *records: ConsumerRecord) -> None:
        self.records = records
        self.read_records = 0

    @property
    def spans(self) -> dict[TopicAndPartition, OffsetRange]:
        ends: dict[TopicAndPartition, int] = {}
        for record in self.records:
            ends[record.topic, record.partition] = record.offset + 1
        return {place: OffsetRange(0, high) for place, high in ends.items()}

    def read(self, spans: Mapping[TopicAndPartition, OffsetRange]) -> Iterator[list[ConsumerRecord]]:
        for place, span in spans.items():
            held = [each for each in self.records if (each.topic, each.partition) == place]
            wanted = [each for each in held if span.low <= each.offset < span.high]
            self.read_records += len(wanted)
            for begin in range(0, len(wanted), 3):
                yield wanted[begin : begin + 3]

    def tail(self, wanted: ListQuery) -> LetterPage | None:
        return tail(self.read, self.spans, wanted)

    def whole(self, wanted: ListQuery) -> LetterPage:
        looks = {place: NewestLetters(wanted) for place in self.spans}
        for records in self.read(self.spans):
            looks[records[0].topic, records[0].partition].take(records)
        return merge_pages([look.found() for look in looks.values()], wanted.limit)


def asked(known: Mapping[str, Disposition] | None = None, resolved: bool = False, **filters: Any) -> ListQuery:
    return ListQuery(LetterFilter(**filters), known or {}, resolved)


def offsets(page: LetterPage | None) -> list[int]:
    assert page is not None
    return [found.record.offset for found in page.letters]


@pytest.mark.parametrize("way", ["tail", "whole"])
class TestEitherWay:
    def page(self, way: str, log: Log, wanted: ListQuery) -> LetterPage:
        page: LetterPage = getattr(log, way)(wanted)
        return page

    def test_newest_letters_come_first(self, way: str) -> None:
        log = Log(*(failed(f"e{number}", number) for number in range(10)))
        assert offsets(self.page(way, log, asked(limit=3))) == [9, 8, 7]

    def test_partitions_are_merged_by_time(self, way: str) -> None:
        log = Log(
            failed("a", 0, timestamp=1.0), failed("b", 1, timestamp=4.0), failed("c", 0, timestamp=3.0, partition=2)
        )
        assert [found.record.timestamp for found in self.page(way, log, asked(limit=2)).letters] == [4.0, 3.0]

    def test_records_of_one_letter_are_merged(self, way: str) -> None:
        log = Log(failed("a", 0), failed("b", 1), failed("a", 2))
        page = self.page(way, log, asked())
        assert (offsets(page), page.more, page.exact) == ([2, 1], 0, True)

    def test_letters_of_one_event_id_are_distinguished_by_their_keys(self, way: str) -> None:
        log = Log(failed("a", 0, key=b"bucket/1"), failed("a", 1, key=b"bucket/2"), failed("a", 2, key=None))
        page = self.page(way, log, asked())
        assert (offsets(page), len({found.id for found in page.letters})) == ([2, 1, 0], 3)

    def test_last_record_of_a_letter_is_used(self, way: str) -> None:
        log = Log(failed("a", 0, code="timeout"), failed("b", 1, code="timeout"), failed("a", 2, code="unreadable"))
        assert offsets(self.page(way, log, asked(code="timeout"))) == [1]

    def test_resolved_letters_are_hidden_and_counted(self, way: str) -> None:
        log = Log(failed("a", 0), failed("b", 1))
        id_ = letter_id(log.records[1])
        known = {id_: decide(id_, "wont-fix", "old", "ann", NOW)}
        page = self.page(way, log, asked(known))
        assert (offsets(page), page.hidden) == ([0], 1)
        everything = self.page(way, log, asked(known, resolved=True))
        assert (offsets(everything), everything.hidden) == ([1, 0], 0)
        assert everything.letters[0].disposition == known[id_]

    def test_letters_that_failed_after_a_redrive_are_shown(self, way: str) -> None:
        log = Log(failed("a", 0), failed("a", 1))
        id_ = letter_id(log.records[0])
        known = {id_: Disposition(id_, "redriven", "", "", "", "probe.dlq/1/0")}
        assert offsets(self.page(way, log, asked(known))) == [1]

    def test_no_letters_give_an_empty_page(self, way: str) -> None:
        assert self.page(way, Log(), asked()) == LetterPage(())


def test_tail_page_reads_few_records() -> None:
    log = Log(*(failed(f"e{number}", number) for number in range(10_000)))
    page = log.tail(asked(limit=10))
    assert page is not None
    assert (log.read_records, page.more, page.exact) == (10, 9_990, False)


def test_tail_is_read_backwards_until_the_page_is_full() -> None:
    log = Log(*(failed(f"e{number}", number, code="rare" if number < 2 else "timeout") for number in range(100)))
    page = log.tail(asked(limit=2, code="rare"))
    assert page is not None
    assert (offsets(page), page.more, page.exact) == ([1, 0], 0, True)


def test_tail_gives_up_after_too_many_records(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "TAIL", 50)
    log = Log(*(failed(f"e{number}", number) for number in range(100)))
    assert log.tail(asked(limit=2, code="rare")) is None
    assert log.read_records <= 50


def test_partitions_with_old_ends_are_not_read_back() -> None:
    old = [failed(f"old{number}", number, timestamp=float(number), partition=2) for number in range(1000)]
    new = [failed(f"new{number}", number) for number in range(5)]
    log = Log(*new, *old)
    assert offsets(log.tail(asked(limit=5))) == [4, 3, 2, 1, 0]
    assert log.read_records == 10


def test_full_scan_counts_omitted_letters_exactly() -> None:
    log = Log(*(failed(f"e{number % 60}", number) for number in range(100)))
    page = log.whole(asked(limit=10))
    assert (len(page.letters), page.more, page.exact) == (10, 50, True)


@given(seed=st.integers(0, 1_000_000), limit=st.integers(1, 12))
def test_tail_and_full_scan_return_the_same_letters(seed: int, limit: int) -> None:
    draw = random.Random(seed)
    records = [
        failed(f"p{partition}e{draw.randrange(15)}", offset, code=draw.choice(["x", "y"]), partition=partition)
        for partition in (1, 2)
        for offset in range(draw.randrange(40))
    ]
    log, wanted = Log(*records), asked(limit=limit, code="x")
    near = log.tail(wanted)
    assert near is not None
    assert {each.id for each in near.letters} <= {each.id for each in log.whole(asked(limit=100, code="x")).letters}
    assert [each.record.timestamp for each in near.letters] == [
        each.record.timestamp for each in log.whole(wanted).letters
    ]
