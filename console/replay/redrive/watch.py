"""Follow the outcomes of redriven records in Kafka."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from itertools import chain

from headrace.console.errors import CommandError
from headrace.console.kafka.admin import KafkaAdmin
from headrace.console.kafka.offsets import OffsetRange, TopicAndPartition
from headrace.console.replay.audit import AuditEntry
from headrace.console.replay.redrive.outcomes import RedriveOutcomes
from headrace.schemas import topics
from headrace.schemas.parsing import InvalidValueError, parse_time
from headrace.streams.stage import Stage

POLL_SECONDS = 0.3


class RedriveWatch:
    """The outcomes of one redrive, from the current end offsets or from `since`."""

    def __init__(
        self, cluster: KafkaAdmin, stage: Stage, replay: str, since: Mapping[TopicAndPartition, int] | None = None
    ) -> None:
        self._cluster = cluster
        self._stage = stage
        self._topics = outcome_topics(stage)
        self._offsets = dict(since) if since is not None else self._ends()
        self.outcomes = RedriveOutcomes(replay, stage.name)

    def look(self) -> RedriveOutcomes:
        """Read the new records and return the outcomes so far."""
        positions = self._cluster.positions(self._stage.group, self._offsets)
        ends = self._ends()
        spans = {place: OffsetRange(self._offsets.get(place, 0), end) for place, end in ends.items()}
        for record in chain.from_iterable(self._cluster.read(spans)):
            self.outcomes.take(record)
        self._offsets = ends
        self.outcomes.committed(positions)
        return self.outcomes

    def until_ended(
        self, sent: int, seconds: float, while_waiting: Callable[[], None] = lambda: None
    ) -> RedriveOutcomes:
        """Poll until `sent` records have ended or `seconds` have passed."""
        deadline = time.monotonic() + seconds
        while True:
            counts = self.look().counts()
            if counts["done"] + counts["failed"] >= sent or time.monotonic() > deadline:
                return self.outcomes
            while_waiting()
            time.sleep(POLL_SECONDS)

    def _ends(self) -> dict[TopicAndPartition, int]:
        return {place: span.high for place, span in self._cluster.spans(self._topics).items()}


def since(cluster: KafkaAdmin, stage: Stage, action: AuditEntry) -> RedriveWatch:
    """Return a watch that starts at the beginning of a redrive.

    Raises:
        CommandError: the redrive has no valid time in the audit log.
    """
    spans = cluster.spans(outcome_topics(stage))
    try:
        begun = parse_time(action.at).timestamp()
    except InvalidValueError as error:
        raise CommandError(f"the redrive {action.id} has no valid time in {topics.AUDIT.name}: {error}") from error
    first = cluster.offsets_at(spans, begun)
    offsets = {place: span.high if (offset := first[place]) is None else offset for place, span in spans.items()}
    return RedriveWatch(cluster, stage, action.id, offsets)


def outcome_topics(stage: Stage) -> tuple[str, ...]:
    """Return the topics that show the outcomes of a stage's records."""
    own = [topics.retry(stage.name), topics.dead_letters(stage.name)]
    own += [stage.writes] if stage.writes else []
    own += [topics.JOBS_STARTED] if stage.job else []
    return tuple(topic.name for topic in own)
