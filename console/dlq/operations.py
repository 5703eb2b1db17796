"""Export, import and resolve the dead letters of a cluster."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from headrace.console.dlq import dispositions, jsonl, listing
from headrace.console.dlq.dispositions import Disposition, ManualDisposition
from headrace.console.dlq.letter import LetterFilter
from headrace.console.dlq.letter_source import LogLetters, OpenProgress, letter_topics, no_progress
from headrace.console.dlq.listing import ListQuery
from headrace.console.dlq.parallel_scan import OnProgress, records_in
from headrace.console.errors import CommandError
from headrace.console.kafka.entry import LogEntry
from headrace.console.kafka.offsets import OffsetRange, TopicAndPartition
from headrace.console.kafka.topic_reader import TopicReader
from headrace.console.terminal.user_files import read_lines
from headrace.schemas import topics
from headrace.schemas.kafka.settings import KafkaSettings
from headrace.schemas.messages import ConsumerRecord
from headrace.schemas.settings import load
from headrace.streams.stage import Stage

Ranges = Mapping[TopicAndPartition, OffsetRange]


@dataclass(frozen=True, slots=True)
class ImportPlan:
    """The records that an import would write, by topic. `present` counts those that are on their topics already."""

    path: Path
    new: Mapping[str, int]
    present: int
    missing: frozenset[bytes]


@dataclass(frozen=True, slots=True)
class Resolution:
    """A status for dead letters, the reason and the person who set it."""

    status: ManualDisposition
    why: str
    by: str


class DeadLetters:
    """Changes and copies the dead letters of one cluster, always from the log: a view may be behind it.

    Errors of Kafka are raised as `KafkaException`.
    """

    def __init__(self, log: TopicReader, stages: Sequence[str], progress: OpenProgress = no_progress) -> None:
        self._log = log
        self._letters = LogLetters(log, progress)
        self._stages = stages
        self._progress = progress

    def export(self, query: LetterFilter, out: AbstractContextManager[BinaryIO]) -> int:
        """Write the matching records to a file, byte for byte, resolved or not. Returns how many.

        `out` is opened only after Kafka has answered.
        """
        ranges = self._ranges(query)
        with self._progress(records_in(ranges)) as on_progress, out as file:
            if query.limit is None:
                matches = (record for record in self._read(ranges, on_progress) if query.matches(LogEntry(record)))
            else:
                newest = listing.page(self._log, ranges, ListQuery(query, {}, resolved=True), on_progress).letters
                places = {(each.record.topic, each.record.partition, each.record.offset) for each in newest}
                records = self._read(_enclosing(places), on_progress)
                matches = (each for each in records if (each.topic, each.partition, each.offset) in places)
            count = 0
            for count, record in enumerate(matches, 1):  # noqa: B007
                file.write(jsonl.line(record))
        return count

    def plan_import(self, path: Path) -> ImportPlan:
        """Compare a file that `export` wrote with the dead-letter topics.

        Raises:
            CommandError: a line is not a dead letter, or its topic is not one of this pipeline on this cluster.
        """
        ranges = self._ranges()
        missing = _digests(path, {topic for topic, _ in ranges})
        wanted = set(missing.values())
        present = 0
        with self._progress(records_in(ranges)) as on_progress:
            for record in self._read(
                {place: each for place, each in ranges.items() if place[0] in wanted}, on_progress
            ):
                present += missing.pop(jsonl.digest(record), None) is not None
        return ImportPlan(path, Counter(missing.values()), present, frozenset(missing))

    def import_planned(self, plan: ImportPlan) -> int:
        """Write the missing records in the order of the file, each once. Returns how many."""
        with plan.path.open("rb") as file:
            lines = jsonl.read(read_lines(file), str(plan.path))
            return self._log.write(map(jsonl.message, jsonl.select_lines(lines, set(plan.missing))))

    def resolve(self, prefixes: Sequence[str], resolution: Resolution, now: datetime) -> Sequence[Disposition]:
        """Resolve dead letters, including records of them that are written later.

        Raises:
            CommandError: a prefix matches no letter or several, the reason is empty, or the topic is missing.
        """
        matches = self._letters.find(letter_topics(self._stages), prefixes)
        self._require_dispositions()
        decisions = [
            dispositions.decide(each.id, resolution.status, resolution.why, resolution.by, now) for each in matches
        ]
        self._log.write(map(dispositions.message, decisions))
        return decisions

    def unresolve(self, prefixes: Sequence[str], by: str, now: datetime) -> Sequence[str]:
        """Open resolved dead letters again. Returns their ids.

        Raises:
            CommandError: a prefix matches no resolved letter or several, or the topic is missing.
        """
        self._require_dispositions()
        known = self._letters.dispositions()
        ids = [_resolved_id(prefix, known) for prefix in dict.fromkeys(prefixes)]
        self._log.write(dispositions.withdrawal(each, by, now) for each in ids)
        return ids

    def _ranges(self, query: LetterFilter | None = None) -> dict[TopicAndPartition, OffsetRange]:
        stage, since = (query.stage, query.since) if query else (None, None)
        return self._log.spans(letter_topics(self._stages, stage), since)

    def _read(self, ranges: Ranges, on_progress: OnProgress) -> Iterator[ConsumerRecord]:
        for records in self._log.read(ranges, values=True):
            yield from records
            on_progress(len(records))

    def _require_dispositions(self) -> None:
        if not self._log.spans([topics.DISPOSITIONS.name]):
            raise CommandError(f"the cluster has no topic {topics.DISPOSITIONS.name}: headrace topics apply")


def connect(stages: Sequence[Stage], progress: OpenProgress = no_progress) -> DeadLetters:
    """Create the service for the cluster that the environment names."""
    return DeadLetters(TopicReader(load(KafkaSettings)), [stage.name for stage in stages], progress)


def _digests(path: Path, known_topics: set[str]) -> dict[bytes, str]:
    """Read the topic of each record in a file, by the record's digest."""
    digests: dict[bytes, str] = {}
    with path.open("rb") as file:
        for line in jsonl.read(read_lines(file), str(path)):
            if line.topic not in known_topics:
                raise CommandError(
                    f"{line.topic} is no dead-letter topic of this pipeline on this cluster: nothing imported"
                )
            digests[jsonl.digest(line)] = line.topic
    return digests


def _resolved_id(prefix: str, known: Iterable[str]) -> str:
    ids = [id_ for id_ in known if id_.startswith(prefix)]
    if len(ids) != 1:
        raise CommandError(f"{prefix} may be {', '.join(ids[:5])}: say which" if ids else f"{prefix} is not resolved")
    return ids[0]


def _enclosing(places: set[tuple[str, int, int]]) -> dict[TopicAndPartition, OffsetRange]:
    """Return the smallest range of each partition that contains all of these records."""
    offsets: dict[TopicAndPartition, list[int]] = {}
    for topic, partition, offset in places:
        offsets.setdefault((topic, partition), []).append(offset)
    return {place: OffsetRange(min(each), max(each) + 1) for place, each in offsets.items()}
