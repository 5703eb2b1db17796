"""The newest dead letters: read from the ends of the topics if that suffices, else by a full scan.

Dead letters are ordered by the time of their newest record, which determines their state.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial

from headrace.console.dlq.dispositions import Disposition, disposition_of
from headrace.console.dlq.letter import LetterFilter
from headrace.console.dlq.parallel_scan import OnProgress, ignore_progress, records_in, scan
from headrace.console.kafka.letter_id import identity, letter_id
from headrace.console.kafka.offsets import OffsetRange, TopicAndPartition
from headrace.console.kafka.topic_reader import TopicReader
from headrace.schemas.messages import ConsumerRecord

LIMIT = 50
TAIL = 50_000
"""Records to read backward before a full scan: about as many as are read while a process starts."""
GROWTH = 8

ReadSpans = Callable[[Mapping[TopicAndPartition, OffsetRange]], Iterable[list[ConsumerRecord]]]


@dataclass(frozen=True, slots=True)
class ListedLetter:
    """A dead letter: its newest record, without the value, and its disposition."""

    id: str
    record: ConsumerRecord
    disposition: Disposition | None = None


@dataclass(frozen=True, slots=True)
class ListQuery:
    """The dead letters of a page: those that match the filter, resolved ones only if `resolved`."""

    filter: LetterFilter
    known: Mapping[str, Disposition]
    resolved: bool = False

    @property
    def limit(self) -> int:
        """The maximum number of dead letters on the page."""
        return self.filter.limit or LIMIT


@dataclass(frozen=True, slots=True)
class LetterPage:
    """Some dead letters, newest first. `more` is the number of others, an upper bound unless `exact`.

    `hidden` is the number of resolved ones among the records read.
    """

    letters: tuple[ListedLetter, ...]
    more: int = 0
    exact: bool = True
    hidden: int = 0


def page(
    log: TopicReader,
    spans: Mapping[TopicAndPartition, OffsetRange],
    query: ListQuery,
    on_progress: OnProgress = ignore_progress,
) -> LetterPage:
    """Read the newest dead letters of a query."""
    found = tail(log.read, spans, query)
    if found is None:
        found = merge_pages(scan(log.settings, spans, partial(NewestLetters, query), on_progress), query.limit)
    return found


def tail(read: ReadSpans, spans: Mapping[TopicAndPartition, OffsetRange], query: ListQuery) -> LetterPage | None:
    """Read backward from the ends in growing windows; None after more than `TAIL` records in one step."""
    scans = {place: _BackwardScan(query, span) for place, span in spans.items()}
    step = query.limit
    while True:
        letters = _newest((found for backward in scans.values() for found in backward.found), query.limit)
        floor = letters[-1].record.timestamp if len(letters) == query.limit else 0.0
        windows = {place: backward.window(step) for place, backward in scans.items() if backward.may_hold(floor)}
        if not records_in(windows):
            return _tail_page(letters, scans.values())
        if records_in(windows) > TAIL:
            return None
        read_now: dict[TopicAndPartition, list[ConsumerRecord]] = {place: [] for place in windows}
        for records in read(windows):
            read_now[records[0].topic, records[0].partition] += records
        for place, records in read_now.items():
            scans[place].take(windows[place].low, records)
        step *= GROWTH


def merge_pages(parts: Iterable[LetterPage], limit: int) -> LetterPage:
    """Merge the pages of all partitions."""
    pages = list(parts)
    letters = _newest((letter for each in pages for letter in each.letters), limit)
    total = sum(len(each.letters) + each.more for each in pages)
    return LetterPage(letters, total - len(letters), True, sum(each.hidden for each in pages))


class NewestLetters:
    """Scan one partition from its start for the newest dead letters, and count them."""

    def __init__(self, query: ListQuery) -> None:
        self._query = query
        self._last: dict[bytes, int] = {}
        self._hidden: set[bytes] = set()
        # Dead letters dropped from here are only counted; that matters if most of these get another record.
        self._kept: deque[tuple[bytes, ConsumerRecord]] = deque(maxlen=4 * query.limit + 100)

    def take(self, records: list[ConsumerRecord]) -> None:
        """Add records. The last record of a dead letter determines its state."""
        for record in records:
            identity_, shown = _judge(record, self._query)
            self._last.pop(identity_, None)
            self._hidden.discard(identity_)
            if shown:
                self._last[identity_] = record.offset
                self._kept.append((identity_, record))
            elif shown is None:
                self._hidden.add(identity_)

    def found(self) -> LetterPage:
        """Build the page of this partition."""
        current = [record for identity_, record in reversed(self._kept) if self._last.get(identity_) == record.offset]
        letters = tuple(_listed(record, self._query) for record in current[: self._query.limit])
        return LetterPage(letters, len(self._last) - len(letters), True, len(self._hidden))


class _BackwardScan:
    """A backward read of one partition."""

    def __init__(self, query: ListQuery, span: OffsetRange) -> None:
        self._query = query
        self._seen: set[bytes] = set()
        self._oldest = float("inf")
        self.left = span
        self.found: list[ListedLetter] = []
        self.hidden = 0

    def may_hold(self, floor: float) -> bool:
        """Whether unread records may be newer than a time."""
        return self.left.high > self.left.low and self._oldest > floor

    def window(self, step: int) -> OffsetRange:
        """Return the next range to read."""
        return OffsetRange(max(self.left.low, self.left.high - step), self.left.high)

    def take(self, low: int, records: list[ConsumerRecord]) -> None:
        """Add the records of the window that starts at `low`."""
        self.left = OffsetRange(self.left.low, low)
        for record in reversed(records):
            self._oldest = record.timestamp
            identity_, shown = _judge(record, self._query)
            if identity_ not in self._seen:
                self._seen.add(identity_)
                self.hidden += shown is None
                if shown:
                    self.found.append(_listed(record, self._query))


def _judge(record: ConsumerRecord, query: ListQuery) -> tuple[bytes, bool | None]:
    """Return the identity of a record, and whether it is shown: None if only its disposition hides it."""
    headers = dict(record.headers)
    identity_ = identity(record, headers.get("ce_id"))
    if not query.filter.matches_headers(record, headers):
        return identity_, False
    hidden = query.known and not query.resolved and _listed(record, query).disposition
    return identity_, None if hidden else True


def _listed(record: ConsumerRecord, query: ListQuery) -> ListedLetter:
    id_ = letter_id(record)
    return ListedLetter(id_, record, disposition_of(id_, record, query.known))


def _newest(letters: Iterable[ListedLetter], limit: int) -> tuple[ListedLetter, ...]:
    return tuple(sorted(letters, key=lambda each: recency(each.record), reverse=True)[:limit])


def recency(record: ConsumerRecord) -> tuple[float, str, int, int]:
    """Return the sort key of a list of dead letters: the time, then the position of the record."""
    return record.timestamp, record.topic, record.partition, record.offset


def _tail_page(letters: tuple[ListedLetter, ...], scans: Iterable[_BackwardScan]) -> LetterPage:
    scanned = list(scans)
    unread = records_in({("", number): backward.left for number, backward in enumerate(scanned)})
    met = sum(len(backward.found) for backward in scanned)
    return LetterPage(letters, met - len(letters) + unread, not unread, sum(backward.hidden for backward in scanned))
