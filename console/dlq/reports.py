"""List, show and count dead letters, from the views or from the log."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from headrace.console.assets.history import AssetSource
from headrace.console.assets.timeline import TimelineStep
from headrace.console.dlq import detail
from headrace.console.dlq.dispositions import disposition_of
from headrace.console.dlq.letter import LetterFilter
from headrace.console.dlq.letter_source import LetterSource, letter_topics
from headrace.console.dlq.listing import LetterPage, ListedLetter
from headrace.console.dlq.stats import LetterStats
from headrace.console.errors import CommandError
from headrace.console.kafka.entry import open_record
from headrace.console.kafka.topic_reader import TopicReader


@dataclass(frozen=True, slots=True)
class LetterDetail:
    """A dead letter as `headrace dlq show --json` prints it, and the timeline of its asset."""

    data: Mapping[str, Any]
    steps: list[TimelineStep]


@dataclass(frozen=True, slots=True)
class LetterReports:
    """The dead letters of some stages. Commands and pages use this object, so that they agree.

    `log` opens the log, which has the value of a record: sources have none.
    """

    source: LetterSource
    assets: AssetSource
    log: Callable[[], TopicReader]
    stages: Sequence[str]

    def list(self, query: LetterFilter, resolved: bool = False) -> LetterPage:
        """List the newest dead letters that match; resolved ones only if `resolved`."""
        return self.source.page(letter_topics(self.stages, query.stage), query, resolved)

    def stats(self) -> LetterStats:
        """Count the dead letters, and group them by similar reasons."""
        return self.source.stats(letter_topics(self.stages))

    def show(self, prefix: str) -> LetterDetail:
        """Describe the dead letter whose id starts with a prefix.

        Raises:
            CommandError: no letter or several start so, or the record has expired meanwhile.
        """
        [match] = self.source.find(letter_topics(self.stages), [prefix])
        newest = match.record
        log = self.log()
        record = log.record(newest.topic, newest.partition, newest.offset)
        if record is None:
            raise CommandError(f"{match.id} is no longer there: its topic keeps letters for a limited time")
        entry = open_record(record, log.codec())
        decided = disposition_of(match.id, record, self.source.dispositions())
        steps = detail.steps_of(entry, self.assets)
        letter = ListedLetter(match.id, record, decided)
        return LetterDetail(detail.describe(letter, entry, match.record_count, steps), steps)
