"""Dead letters are the same from the views and from the dead-letter topics."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from headrace.console.dlq import serialize
from headrace.console.dlq.dispositions import Disposition, decide, message
from headrace.console.dlq.letter import LetterFilter
from headrace.console.dlq.listing import LetterPage, ListQuery, NewestLetters, merge_pages, recency
from headrace.console.dlq.lookup import LetterFinder, LetterMatch
from headrace.console.dlq.stats import LetterCounter, LetterStats, total
from headrace.console.errors import CommandError
from headrace.console.kafka.entry import LogEntry
from headrace.console.kafka.letter_id import letter_id
from headrace.console.views.queries import letter_stats, letters
from headrace.schemas.messages import ConsumerRecord
from tests.support.records import NOW, arrived, job_finished, job_started
from tests.unit.console.asset_history import entry, letter
from tests.unit.console.dlq.letters import AT, a_letter, failed
from tests.unit.console.views.queries.folded import FoldedViews

TOPICS = ("probe.dlq", "scan.dlq", "bridge.dlq")
HOSTILE = b"me\xffdia/\x00\x01'\"%*[\xe2\x80\xae.mp4"


def _records() -> list[ConsumerRecord]:
    """Return dead letters of three topics, some with several records."""
    given = [
        failed("a", 0),
        failed("b", 1, code="decode", why="GET https://b/k?X-Amz-Signature=CANARY failed"),
        failed("a", 3700),
        failed("c", 5, key=HOSTILE, code="\x00\x01"),
        failed("d", 6, key=b"labels-1", timestamp=AT),
        failed("e", 7, why="took 4.5 s", timestamp=AT),
        failed("f", 8, topic="scan.dlq", key=None),
        failed("f", 8, topic="scan.dlq", key=b"another"),
        a_letter(topic="scan.dlq", timestamp=AT + 9),
        a_letter(("dlq-last-failure", b"2026-99-99T99:99:99.999Z"), topic="scan.dlq", timestamp=AT + 7200),
        a_letter(("dlq-last-failure", b"2026-03-14T17:09:26.5+02:00"), ("ce_id", b""), topic="scan.dlq"),
        a_letter(("dlq-sqs-message", b"m1"), ("dlq-queue", b"q"), topic="bridge.dlq", key=None, timestamp=AT + 10),
        a_letter(("dlq-sqs-message", b"m1"), ("dlq-queue", b"q"), topic="bridge.dlq", key=None, timestamp=AT + 11),
    ]
    return [msgspec.structs.replace(record, offset=offset, partition=0) for offset, record in enumerate(given)]


RECORDS = _records()
REDRIVEN = Disposition(letter_id(RECORDS[0]), "redriven", "why", "ann", "", "probe.dlq/0/0")
"""It does not apply to the second record of the letter."""
RESOLVED = decide(letter_id(RECORDS[1]), "wont-fix", "old\x00", "ann", NOW)
KNOWN = {each.letter: each for each in (REDRIVEN, RESOLVED)}


def views_of(records: Iterable[ConsumerRecord], known: dict[str, Disposition]) -> FoldedViews:
    decided = [arrived(message(each), offset) for offset, each in enumerate(known.values())]
    return FoldedViews([*map(LogEntry, records), *map(LogEntry, decided)])


VIEWS = views_of(RECORDS, KNOWN)


def log_page(query: LetterFilter, resolved: bool) -> LetterPage:
    """Return the page of a full scan of the topics."""
    pages = []
    for topic in TOPICS:
        scanner = NewestLetters(ListQuery(query, KNOWN, resolved))
        scanner.take([record for record in RECORDS if record.topic == topic])
        pages.append(scanner.found())
    return merge_pages(pages, query.limit or 50)


def view_page(query: LetterFilter, resolved: bool = False) -> LetterPage:
    with VIEWS.connect() as connection:
        return letters.page(connection, TOPICS, query, resolved)


def without_values(page: LetterPage) -> LetterPage:
    cut = tuple(replace(each, record=msgspec.structs.replace(each.record, value=None)) for each in page.letters)
    return replace(page, letters=cut)


@pytest.mark.parametrize("resolved", [True, False])
@pytest.mark.parametrize(
    "criteria",
    [
        {},
        {"code": "decode"},
        {"code": "\x00\x01"},
        {"code": "unknown"},
        {"since": AT + 6},
        {"until": AT + 6},
        {"since": AT + 1, "until": AT + 1},
        {"key": "photos/*"},
        {"key": "s3://media/photos/cat.jpg"},
        {"key": HOSTILE.decode(errors="replace")},
        {"key": "["},
        {"text": "TOOK"},
        {"text": "%"},
        {"text": "CANARY"},
    ],
)
def test_page_is_the_same_as_from_the_log(criteria: dict[str, Any], resolved: bool) -> None:
    query = LetterFilter(**criteria)
    page = view_page(query, resolved)
    assert page == without_values(log_page(query, resolved))
    assert serialize.page(page) == serialize.page(log_page(query, resolved))


def test_pages_have_letters() -> None:
    page = view_page(LetterFilter())
    assert len(page.letters) == 10
    assert page.hidden == 1
    assert [recency(each.record) for each in page.letters] == sorted(
        (recency(each.record) for each in page.letters), reverse=True
    )
    assert next(each for each in page.letters if each.id == letter_id(RECORDS[0])).disposition is None


@pytest.mark.parametrize("criteria", [{}, {"key": "*"}])
def test_limit_keeps_the_newest_and_counts_the_rest(criteria: dict[str, Any]) -> None:
    page = view_page(LetterFilter(limit=2, **criteria))
    assert [each.id for each in page.letters] == [each.id for each in view_page(LetterFilter()).letters[:2]]
    assert page.more >= 7
    assert page.exact is (not criteria)


def test_only_the_given_topics_are_listed() -> None:
    with VIEWS.connect() as connection:
        page = letters.page(connection, ["probe.dlq"], LetterFilter(), resolved=True)
    assert {each.record.topic for each in page.letters} == {"probe.dlq"}


@pytest.mark.parametrize("record", RECORDS)
def test_letter_is_found_by_its_id_and_a_prefix(record: ConsumerRecord) -> None:
    id_ = letter_id(record)
    finder = LetterFinder([id_])
    finder.take([each for each in RECORDS if each.topic == record.topic])
    [expected] = finder.found()
    newest = msgspec.structs.replace(expected.record, value=None)
    with VIEWS.connect() as connection:
        [match] = letters.find(connection, TOPICS, [id_[:-3]])
    assert match == LetterMatch(id_, newest, expected.record_count)


@pytest.mark.parametrize("prefix", ["", "probe-", "x", "%", "\x00", "\udcff", "probe-\U0010ffff"])
def test_prefix_of_no_or_several_letters_is_rejected(prefix: str) -> None:
    with VIEWS.connect() as connection, pytest.raises(CommandError, match=r"there is no dead letter|say which"):
        letters.find(connection, TOPICS, [prefix])


def test_dispositions_are_those_of_the_topic() -> None:
    with VIEWS.connect() as connection:
        assert letters.all_dispositions(connection) == KNOWN


def test_stats_are_the_same_as_from_the_log() -> None:
    parts = []
    for topic in TOPICS:
        counter = LetterCounter(KNOWN)
        counter.take([record for record in RECORDS if record.topic == topic])
        parts.append(counter.found())
    with VIEWS.connect() as connection:
        counted = letter_stats.stats(connection, TOPICS)
    assert counted == total(parts)
    assert (counted.letters, counted.records, counted.resolved) == (10, 13, 1)


def test_stats_of_no_letters_are_empty() -> None:
    with views_of([], {}).connect() as connection:
        assert letter_stats.stats(connection, TOPICS) == LetterStats()


def test_excess_groups_are_combined(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(letter_stats, "REMEMBERED", 2)
    records = [failed(why, number, why=why) for number, why in enumerate(("red", "green", "blue", "grey"))]
    with views_of(records, {}).connect() as connection:
        groups = letter_stats.stats(connection, TOPICS).groups
    assert sorted(group.letters for group in groups) == [1, 1, 2]


def test_letter_of_a_job_is_found_by_the_asset_of_the_job() -> None:
    started, finished = entry(job_started("labels-1")), entry(job_finished("labels-1"), 3)
    views = FoldedViews([started, finished, letter(finished, "labels", 4)])
    with views.connect() as connection:
        found = letters.page(connection, ("labels.dlq",), LetterFilter(key="photos/cat.jpg"), False)
        other = letters.page(connection, ("labels.dlq",), LetterFilter(key="photos/dog.jpg"), False)

    assert [each.record.key for each in found.letters] == [b"labels-1"]
    assert "dlq-asset" not in dict(found.letters[0].record.headers)
    assert other.letters == ()
