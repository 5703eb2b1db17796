"""What `headrace dlq` asks of a cluster and changes in it: letters found, exported, imported and settled."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

from headrace.console.assets import read_service
from headrace.console.assets.timeline import TimelineStep
from headrace.console.dlq import detail, dispositions, jsonl
from headrace.console.dlq.dispositions import Disposition, ManualDisposition
from headrace.console.dlq.jsonl import LetterLine
from headrace.console.dlq.letter import LetterFilter
from headrace.console.dlq.listing import ListedLetter, ListQuery, page
from headrace.console.dlq.lookup import LetterMatch
from headrace.console.dlq.parallel_scan import OnProgress, ignore_progress
from headrace.console.errors import CommandError
from headrace.console.kafka.entry import LogEntry, open_record
from headrace.console.kafka.offsets import OffsetRange, TopicAndPartition
from headrace.console.kafka.topic_reader import TopicReader
from headrace.schemas import topics
from headrace.schemas.kafka.settings import KafkaSettings
from headrace.schemas.settings import load
from headrace.streams import pipeline


@dataclass(frozen=True, slots=True)
class ImportPlan:
    """What an import brings back: records by topic. `there` counts those that are on their topics already."""

    path: Path
    new: Mapping[str, int]
    there: int
    missing: frozenset[bytes]


@dataclass(frozen=True, slots=True)
class Resolution:
    """A decision about letters: what, why, and who took it."""

    kind: ManualDisposition
    why: str
    by: str


def connect() -> TopicReader:
    """Reach the cluster that the environment names."""
    return TopicReader(load(KafkaSettings))


def letter_topics(stage: str | None = None) -> list[str]:
    """Name the dead-letter topics of the pipeline, or that of one stage. Raises `Refused` where there is no such."""
    names = [topics.BRIDGE_DLQ.name, *(topics.dead_letters(each.name).name for each in pipeline.stages())]
    if stage is None:
        return names
    name = topics.dead_letters(stage).name
    if name not in names:
        known = ", ".join(each.removesuffix(topics.dead_letters("").name) for each in names)
        raise CommandError(f"there is no stage {stage}: it is one of {known}")
    return [name]


def whole(log: TopicReader, sighting: LetterMatch) -> tuple[dict[str, Any], list[TimelineStep]]:
    """Tell all of a letter, and its asset's timeline. Raises `Refused` when it has expired meanwhile."""
    lies = sighting.record
    record = log.record(lies.topic, lies.partition, lies.offset)
    if record is None:
        raise CommandError(f"{sighting.id} is no longer there: its topic keeps letters for a limited time")
    entry = open_record(record, log.codec())
    decided = dispositions.disposition_of(sighting.id, record, dispositions.load(log))
    steps = detail.steps_of(entry, read_service.connect().progress)
    return detail.whole(ListedLetter(sighting.id, record, decided), entry, sighting.record_count, steps), steps


def export(
    log: TopicReader,
    spans: Mapping[TopicAndPartition, OffsetRange],
    asked: LetterFilter,
    out: BinaryIO,
    heard: OnProgress = ignore_progress,
) -> int:
    """Write the records that are asked for as they are, settled or not, and say how many."""
    chosen = None
    if asked.limit is not None:
        letters = page(log, spans, ListQuery(asked, {}, settled=True), heard).letters
        chosen = {(found.record.topic, found.record.partition, found.record.offset) for found in letters}
        spans = _around(chosen)
    count = 0
    for records in log.read(spans, values=True):
        for record in records:
            place = (record.topic, record.partition, record.offset)
            if place in chosen if chosen is not None else asked.matches(LogEntry(record)):
                out.write(jsonl.line(record))
                count += 1
        heard(len(records))
    return count


@contextmanager
def private_file(path: Path) -> Iterator[BinaryIO]:
    """Open a file for writing that its owner alone may read: letters hold what people are not shown."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        yield file


def plan_import(
    log: TopicReader, path: Path, spans: Mapping[TopicAndPartition, OffsetRange], heard: OnProgress = ignore_progress
) -> ImportPlan:
    """Say what a file would bring back to these topics. Raises `Refused` where it holds anything else."""
    known = {topic for topic, _ in spans}
    missing: dict[bytes, str] = {}
    with path.open("rb") as file:
        for line in jsonl.read(file, str(path)):
            if line.topic not in known:
                raise CommandError(
                    f"{line.topic} is no dead-letter topic of this pipeline on this cluster: nothing imported"
                )
            missing[jsonl.digest(line)] = line.topic
    wanted = set(missing.values())
    there = 0
    for records in log.read({place: span for place, span in spans.items() if place[0] in wanted}, values=True):
        there += sum(missing.pop(jsonl.digest(record), None) is not None for record in records)
        heard(len(records))
    return ImportPlan(path, Counter(missing.values()), there, frozenset(missing))


def carry_out(log: TopicReader, planned: ImportPlan) -> int:
    """Import what was planned, in the order of the file; each record once."""
    with planned.path.open("rb") as file:
        lines = jsonl.read(file, str(planned.path))
        return log.write(map(jsonl.message, _once(lines, set(planned.missing))))


def resolve(log: TopicReader, sightings: Sequence[LetterMatch], why: Resolution, now: datetime) -> list[Disposition]:
    """Settle letters, whatever they may still become."""
    _require(log)
    found = [dispositions.decide(each.id, why.kind, why.why, why.by, now) for each in sightings]
    log.write(map(dispositions.message, found))
    return found


def unresolve(log: TopicReader, prefixes: Sequence[str]) -> list[str]:
    """Take back what was decided about letters, and name them. Raises `Refused` where nothing was, or not clearly."""
    _require(log)
    known = dispositions.load(log)
    found = []
    for prefix in dict.fromkeys(prefixes):
        meant = [id_ for id_ in known if id_.startswith(prefix)]
        if len(meant) != 1:
            raise CommandError(
                f"{prefix} may be {', '.join(meant[:5])}: say which" if meant else f"{prefix} is not resolved"
            )
        found += meant
    log.write(map(dispositions.withdrawal, found))
    return found


def _once(lines: Iterable[LetterLine], wanted: set[bytes]) -> Iterator[LetterLine]:
    for line in lines:
        digest = jsonl.digest(line)
        if digest in wanted:
            wanted.discard(digest)
            yield line


def _require(log: TopicReader) -> None:
    if not log.spans([topics.DISPOSITIONS.name]):
        raise CommandError(f"the cluster has no topic {topics.DISPOSITIONS.name}: headrace topics apply")


def _around(places: set[tuple[str, int, int]]) -> dict[TopicAndPartition, OffsetRange]:
    """Give the smallest spans that hold all of these records."""
    offsets: dict[TopicAndPartition, list[int]] = {}
    for topic, partition, offset in places:
        offsets.setdefault((topic, partition), []).append(offset)
    return {place: OffsetRange(min(held), max(held) + 1) for place, held in offsets.items()}
