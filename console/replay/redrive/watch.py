"""Follows what becomes of redriven records, on the log."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import datetime
from itertools import chain

from headrace.console.kafka.admin import KafkaAdmin
from headrace.console.kafka.offsets import OffsetRange, TopicAndPartition
from headrace.console.replay.audit import AuditEntry
from headrace.console.replay.redrive.outcomes import RedriveOutcomes
from headrace.schemas import topics
from headrace.streams.stage import Stage

LOOK_SECONDS = 0.3


class RedriveWatch:
    """One redrive, from now on or from the offsets that are given."""

    def __init__(
        self, cluster: KafkaAdmin, stage: Stage, replay: str, since: Mapping[TopicAndPartition, int] | None = None
    ) -> None:
        self._cluster = cluster
        self._stage = stage
        self._names = told_by(stage)
        self._read = dict(since) if since is not None else self._ends()
        self.outcomes = RedriveOutcomes(replay, stage.name)

    def look(self) -> RedriveOutcomes:
        """Take what is new on the log."""
        positions = self._cluster.positions(self._stage.group, self._read)
        ends = self._ends()
        spans = {place: OffsetRange(self._read.get(place, 0), end) for place, end in ends.items()}
        for record in chain.from_iterable(self._cluster.read(spans)):
            self.outcomes.take(record)
        self._read = ends
        self.outcomes.committed(positions)
        return self.outcomes

    def until_ended(self, sent: int, seconds: float, meanwhile: Callable[[], None] = lambda: None) -> RedriveOutcomes:
        """Look again and again until all that was sent has ended, or so many seconds are over."""
        deadline = time.monotonic() + seconds
        while True:
            counts = self.look().counts()
            if counts["done"] + counts["failed"] >= sent or time.monotonic() > deadline:
                return self.outcomes
            meanwhile()
            time.sleep(LOOK_SECONDS)

    def _ends(self) -> dict[TopicAndPartition, int]:
        return {place: span.high for place, span in self._cluster.spans(self._names).items()}


def since(cluster: KafkaAdmin, stage: Stage, action: AuditEntry) -> RedriveWatch:
    """Follow a redrive from its beginning on, which may be long ago."""
    spans = cluster.spans(told_by(stage))
    begun = datetime.fromisoformat(action.at).timestamp()
    found = cluster.offsets_at(spans, begun)
    offsets = {place: span.high if (offset := found[place]) is None else offset for place, span in spans.items()}
    return RedriveWatch(cluster, stage, action.id, offsets)


def told_by(stage: Stage) -> tuple[str, ...]:
    """Name the topics that tell what became of a stage's records."""
    own = [topics.retry(stage.name), topics.dead_letters(stage.name)]
    own += [stage.writes] if stage.writes else []
    own += [topics.JOBS_STARTED] if stage.job else []
    return tuple(topic.name for topic in own)
