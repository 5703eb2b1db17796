"""The newest letters: from the ends of the dead-letter topics where that is enough, else by reading all of them.

Newest is what was written last. What a letter has become since is read before what it was, or takes its place.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial

from headrace.console.dlq.dispositions import Disposition, disposition_of
from headrace.console.dlq.letter import LetterFilter, identity, letter_id
from headrace.console.dlq.parallel_scan import OnProgress, ignore_progress, records_in, scan
from headrace.console.kafka.offsets import OffsetRange, TopicAndPartition
from headrace.console.kafka.topic_reader import TopicReader
from headrace.schemas.messages import ConsumerRecord

LIMIT = 50
TAIL = 50_000
"""Records to look at before all are read: about as many as a process reads while another one starts."""
FASTER = 8

ReadSpans = Callable[[Mapping[TopicAndPartition, OffsetRange]], Iterable[list[ConsumerRecord]]]


@dataclass(frozen=True, slots=True)
class ListedLetter:
    """A letter: its newest record, without the value, and what was decided about it."""

    id: str
    record: ConsumerRecord
    disposition: Disposition | None = None


@dataclass(frozen=True, slots=True)
class ListQuery:
    """What a page is to show: letters that match, and also resolved ones if `resolved` says so."""

    filter: LetterFilter
    known: Mapping[str, Disposition]
    resolved: bool = False

    @property
    def limit(self) -> int:
        """How many letters a page shows."""
        return self.filter.limit or LIMIT


@dataclass(frozen=True, slots=True)
class LetterPage:
    """Some letters, newest first. `more` is how many are not shown, or how many may be where not all were looked at.

    `hidden` counts the resolved ones among those that were looked at.
    """

    letters: tuple[ListedLetter, ...]
    more: int = 0
    exact: bool = True
    hidden: int = 0


def page(
    log: TopicReader,
    spans: Mapping[TopicAndPartition, OffsetRange],
    wanted: ListQuery,
    heard: OnProgress = ignore_progress,
) -> LetterPage:
    """Give the newest letters that are wanted."""
    found = tail(log.read, spans, wanted)
    if found is None:
        found = merge_pages(scan(log.settings, spans, partial(NewestLetters, wanted), heard), wanted.limit)
    return found


def tail(read: ReadSpans, spans: Mapping[TopicAndPartition, OffsetRange], wanted: ListQuery) -> LetterPage | None:
    """Walk back from the ends, further each time, until nothing older can be newer; None when that is too far."""
    walks = {place: _BackwardScan(wanted, span) for place, span in spans.items()}
    step = wanted.limit
    while True:
        letters = _newest((found for walk in walks.values() for found in walk.found), wanted.limit)
        floor = letters[-1].record.timestamp if len(letters) == wanted.limit else 0.0
        windows = {place: walk.window(step) for place, walk in walks.items() if walk.may_hold(floor)}
        if not records_in(windows):
            return _tail_page(letters, walks.values())
        if records_in(windows) > TAIL:
            return None
        read_now: dict[TopicAndPartition, list[ConsumerRecord]] = {place: [] for place in windows}
        for records in read(windows):
            read_now[records[0].topic, records[0].partition] += records
        for place, records in read_now.items():
            walks[place].take(windows[place].low, records)
        step *= FASTER


def merge_pages(parts: Iterable[LetterPage], limit: int) -> LetterPage:
    """Make one page of those of all partitions."""
    pages = list(parts)
    letters = _newest((letter for each in pages for letter in each.letters), limit)
    total = sum(len(each.letters) + each.more for each in pages)
    return LetterPage(letters, total - len(letters), True, sum(each.hidden for each in pages))


class NewestLetters:
    """A look at one partition, from its beginning: the newest letters that are wanted, and how many there are."""

    def __init__(self, wanted: ListQuery) -> None:
        self._wanted = wanted
        self._last: dict[bytes, int] = {}
        self._hidden: set[bytes] = set()
        # Of what is forgotten here only the number is known; it matters where most of these come back once more.
        self._kept: deque[tuple[bytes, ConsumerRecord]] = deque(maxlen=4 * wanted.limit + 100)

    def take(self, records: list[ConsumerRecord]) -> None:
        """Look at records: the state of a letter is what its last one says."""
        for record in records:
            what, shown = _judged(record, self._wanted)
            self._last.pop(what, None)
            self._hidden.discard(what)
            if shown:
                self._last[what] = record.offset
                self._kept.append((what, record))
            elif shown is None:
                self._hidden.add(what)

    def found(self) -> LetterPage:
        """Give the page of this partition."""
        current = [record for what, record in reversed(self._kept) if self._last.get(what) == record.offset]
        letters = tuple(_found(record, self._wanted) for record in current[: self._wanted.limit])
        return LetterPage(letters, len(self._last) - len(letters), True, len(self._hidden))


class _BackwardScan:
    """A walk back through one partition: how far it has come, and what it met."""

    def __init__(self, wanted: ListQuery, span: OffsetRange) -> None:
        self._wanted = wanted
        self._seen: set[bytes] = set()
        self._oldest = float("inf")
        self.left = span
        self.found: list[ListedLetter] = []
        self.hidden = 0

    def may_hold(self, floor: float) -> bool:
        """Whether there may be a letter here, further back, that was written after a moment."""
        return self.left.high > self.left.low and self._oldest > floor

    def window(self, step: int) -> OffsetRange:
        """Say what to read next."""
        return OffsetRange(max(self.left.low, self.left.high - step), self.left.high)

    def take(self, low: int, records: list[ConsumerRecord]) -> None:
        """Take what was read of the window that began at `low`."""
        self.left = OffsetRange(self.left.low, low)
        for record in reversed(records):
            self._oldest = record.timestamp
            what, shown = _judged(record, self._wanted)
            if what not in self._seen:
                self._seen.add(what)
                self.hidden += shown is None
                if shown:
                    self.found.append(_found(record, self._wanted))


def _judged(record: ConsumerRecord, wanted: ListQuery) -> tuple[bytes, bool | None]:
    """Say which letter a record is, and whether it is to be shown: None where it would be, were it not resolved."""
    headers = dict(record.headers)
    what = identity(record, headers.get("ce_id"))
    if not wanted.filter.meets(record, headers):
        return what, False
    hidden = wanted.known and not wanted.resolved and _found(record, wanted).disposition
    return what, None if hidden else True


def _found(record: ConsumerRecord, wanted: ListQuery) -> ListedLetter:
    id_ = letter_id(record)
    return ListedLetter(id_, record, disposition_of(id_, record, wanted.known))


def _newest(letters: Iterable[ListedLetter], limit: int) -> tuple[ListedLetter, ...]:
    return tuple(sorted(letters, key=lambda each: each.record.timestamp, reverse=True)[:limit])


def _tail_page(letters: tuple[ListedLetter, ...], walks: Iterable[_BackwardScan]) -> LetterPage:
    walked = list(walks)
    unread = records_in({("", number): walk.left for number, walk in enumerate(walked)})
    met = sum(len(walk.found) for walk in walked)
    return LetterPage(letters, met - len(letters) + unread, not unread, sum(walk.hidden for walk in walked))
