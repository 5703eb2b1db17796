"""Where commands read dead letters: the views, or the dead-letter topics themselves."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from typing import Protocol

from headrace.console.dlq import dispositions, listing, lookup
from headrace.console.dlq.dispositions import Disposition
from headrace.console.dlq.letter import LetterFilter
from headrace.console.dlq.listing import LetterPage, ListQuery
from headrace.console.dlq.lookup import LetterMatch
from headrace.console.dlq.parallel_scan import OnProgress, ignore_progress, records_in, scan
from headrace.console.dlq.stats import LetterCounter, LetterStats, total
from headrace.console.errors import CommandError
from headrace.console.kafka.topic_reader import TopicReader
from headrace.schemas import topics

OpenProgress = Callable[[int], AbstractContextManager[OnProgress]]
"""Opens a progress display for a number of records."""


def letter_topics(stages: Sequence[str], stage: str | None = None) -> list[str]:
    """Name the dead-letter topics of a pipeline with these stages, or of one stage.

    Raises:
        CommandError: there is no such stage.
    """
    names = [topics.BRIDGE_DLQ.name, *(topics.dead_letters(each).name for each in stages)]
    if stage is None:
        return names
    name = topics.dead_letters(stage).name
    if name not in names:
        known = ", ".join(each.removesuffix(topics.dead_letters("").name) for each in names)
        raise CommandError(f"there is no stage {stage}: it is one of {known}")
    return [name]


class LetterSource(Protocol):
    """Reads the dead letters of some dead-letter topics, each with its newest record."""

    def page(self, names: Collection[str], query: LetterFilter, resolved: bool) -> LetterPage:
        """List the newest dead letters that match; resolved ones only if `resolved`."""
        ...

    def find(self, names: Collection[str], prefixes: Sequence[str]) -> list[LetterMatch]:
        """Find the dead letter of each prefix of an id.

        Raises:
            CommandError: a prefix matches none, or several.
        """
        ...

    def stats(self, names: Collection[str]) -> LetterStats:
        """Count the dead letters, and group them by similar reasons."""
        ...

    def dispositions(self) -> dict[str, Disposition]:
        """Read the current dispositions, by letter id."""
        ...


@contextmanager
def no_progress(_records: int) -> Iterator[OnProgress]:
    """Display nothing."""
    yield ignore_progress


class LogLetters:
    """Reads the topics on every call."""

    def __init__(self, log: TopicReader, progress: OpenProgress = no_progress) -> None:
        self._log = log
        self._progress = progress

    def page(self, names: Collection[str], query: LetterFilter, resolved: bool) -> LetterPage:
        """List the newest dead letters that match; resolved ones only if `resolved`."""
        ranges = self._log.spans(names, query.since)
        wanted = ListQuery(query, self.dispositions(), resolved)
        with self._progress(records_in(ranges)) as on_progress:
            return listing.page(self._log, ranges, wanted, on_progress)

    def find(self, names: Collection[str], prefixes: Sequence[str]) -> list[LetterMatch]:
        """Find the dead letter of each prefix of an id.

        Raises:
            CommandError: a prefix matches none, or several.
        """
        ranges = lookup.narrowed(self._log.spans(names), prefixes)
        with self._progress(records_in(ranges)) as on_progress:
            return lookup.find(self._log.settings, ranges, prefixes, on_progress)

    def stats(self, names: Collection[str]) -> LetterStats:
        """Count the dead letters, and group them by similar reasons."""
        ranges = self._log.spans(names)
        counter = partial(LetterCounter, self.dispositions())
        with self._progress(records_in(ranges)) as on_progress:
            return total(scan(self._log.settings, ranges, counter, on_progress))

    def dispositions(self) -> dict[str, Disposition]:
        """Read the current dispositions, by letter id."""
        return dispositions.load(self._log)
