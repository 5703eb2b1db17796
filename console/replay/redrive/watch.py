"""Follows what becomes of redriven records, on the log."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import datetime
from itertools import chain

from headrace.console.kafka.admin import Cluster
from headrace.console.kafka.offsets import Place, Span
from headrace.console.replay.audit import Action
from headrace.console.replay.redrive.outcomes import Outcomes
from headrace.schemas import topics
from headrace.streams.stage import Stage

LOOK_SECONDS = 0.3


class Watch:
    """One redrive, from now on or from the offsets that are given."""

    def __init__(self, cluster: Cluster, stage: Stage, replay: str, since: Mapping[Place, int] | None = None) -> None:
        self._cluster = cluster
        self._stage = stage
        self._names = told_by(stage)
        self._read = dict(since) if since is not None else self._ends()
        self.outcomes = Outcomes(replay, stage.name)

    def look(self) -> Outcomes:
        """Take what is new on the log."""
        positions = self._cluster.positions(self._stage.group, self._read)
        ends = self._ends()
        spans = {place: Span(self._read.get(place, 0), end) for place, end in ends.items()}
        for record in chain.from_iterable(self._cluster.read(spans)):
            self.outcomes.take(record)
        self._read = ends
        self.outcomes.committed(positions)
        return self.outcomes

    def until_ended(self, sent: int, seconds: float, meanwhile: Callable[[], None] = lambda: None) -> Outcomes:
        """Look again and again until all that was sent has ended, or so many seconds are over."""
        deadline = time.monotonic() + seconds
        while True:
            counts = self.look().counts()
            if counts["done"] + counts["failed"] >= sent or time.monotonic() > deadline:
                return self.outcomes
            meanwhile()
            time.sleep(LOOK_SECONDS)

    def _ends(self) -> dict[Place, int]:
        return {place: span.high for place, span in self._cluster.spans(self._names).items()}


def since(cluster: Cluster, stage: Stage, action: Action) -> Watch:
    """Follow a redrive from its beginning on, which may be long ago."""
    spans = cluster.spans(told_by(stage))
    begun = datetime.fromisoformat(action.at).timestamp()
    found = cluster.offsets_at(spans, begun)
    offsets = {place: span.high if (offset := found[place]) is None else offset for place, span in spans.items()}
    return Watch(cluster, stage, action.id, offsets)


def told_by(stage: Stage) -> tuple[str, ...]:
    """Name the topics that tell what became of a stage's records."""
    own = [topics.retry(stage.name), topics.dead_letters(stage.name)]
    own += [stage.writes] if stage.writes else []
    own += [topics.JOBS_STARTED] if stage.job else []
    return tuple(topic.name for topic in own)
