"""Which records a pipeline writes for one file, and which stages process them. Pure.

The records are examples: a file that every service accepts, speech or text in it, and no failure. Stages are followed
as in a real run: by the topics that they read and by their filters.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

from headrace.schemas import topics
from headrace.schemas.records import MediaReady
from headrace.schemas.topics import Topic
from headrace.streams.handlers import FanIn, JobWatch, Router
from headrace.streams.pipeline_config import settings_of
from headrace.streams.rules.record_predicate import Predicate, record_predicate
from headrace.streams.stage import Stage, record_filter

COMPLETED = topics.COMPLETED
SLOT_RECORDS = 3
"""Records of a job on `system.slots`: it asks for a slot, gets it, and frees it."""
TEXTS = (topics.TRANSCRIBED, topics.DOCUMENTS, topics.TRANSLATED)


@dataclass(frozen=True, slots=True)
class StageDelivery:
    """A record that a stage processes. `is_job` if it starts an asynchronous job for it."""

    stage: Stage
    record: Any
    is_job: bool = False


@dataclass(frozen=True, slots=True)
class FanOut:
    """What one file becomes: the deliveries that stages process, and the records of each topic by its name."""

    deliveries: tuple[StageDelivery, ...]
    records: Mapping[str, int]

    def of(self, stage: Stage) -> tuple[StageDelivery, ...]:
        """Return the deliveries of a stage."""
        return tuple(each for each in self.deliveries if each.stage.name == stage.name)


def accepts(stage: Stage, record: Any) -> bool:
    """Return whether a stage processes a record of a topic that it reads.

    Consent decides which objects are processed, not what becomes of one of them: it is taken as given.
    """
    return _filter(stage)(record)


def _filter(stage: Stage) -> Predicate:
    return record_filter(replace(stage, needs_consent=False, consent={}))


class StageFilters:
    """The compiled filters of stages: whether one processes a record, and whether it starts a job for it."""

    def __init__(self, stages: Sequence[Stage]) -> None:
        self.stages = stages
        self._accepts = {stage.name: _filter(stage) for stage in stages}
        self._starts_job = {stage.name: record_predicate(stage.job.when) for stage in stages if stage.job}

    def accepts(self, stage: Stage, record: Any) -> bool:
        """Return whether a stage processes a record of a topic that it reads."""
        return self._accepts[stage.name](record)

    def starts_job(self, stage: Stage, record: Any) -> bool:
        """Return whether a stage starts an asynchronous job for a record that it accepts."""
        return stage.name in self._starts_job and self._starts_job[stage.name](record)


def fan_out(filters: StageFilters, media: MediaReady, words: int) -> FanOut:
    """Follow a file through a pipeline. `words` is the number of words that are spoken or written in it."""
    walk = _Walk(filters, media, words)
    walk.publish(topics.UPLOADED, SimpleNamespace(asset=_uploaded(media)))
    walk.run()
    return FanOut(tuple(walk.deliveries), dict(walk.records))


def _uploaded(media: MediaReady) -> Any:
    """Return the asset of an uploaded file: a key that is no folder marker, and a size above 0."""
    return SimpleNamespace(key=f"file.{media.format}", size=max(1, media.asset.size), version_id=None)


def _setting(stage: Stage, name: str) -> Any:
    """Return a setting of a stage from its options, or else its default."""
    chosen = dict(each.split("=", 1) for each in stage.options)
    return chosen.get(name, settings_of(stage).get(name))


class _Walk:
    """Follows the records of one file until no stage has one left."""

    def __init__(self, filters: StageFilters, media: MediaReady, words: int) -> None:
        self._stages = filters.stages
        self._filters = filters
        self._media = media
        self._words = words
        self._left: list[tuple[Topic, Any]] = []
        self._joined: set[str] = set()
        self.records: Counter[str] = Counter()
        self.deliveries: list[StageDelivery] = []

    def publish(self, topic: Topic, record: Any) -> None:
        """Write a record to a topic."""
        self.records[topic.name] += 1
        self._left.append((topic, record))

    def run(self) -> None:
        """Deliver every record; fan-ins emit once their inputs are there, the summary of the asset last."""
        while True:
            while self._left:
                self._deliver(*self._left.pop(0))
            complete = [stage for stage in self._waiting() if self._is_complete(stage)]
            summary = [stage for stage in self._waiting() if stage.writes == COMPLETED and self.records]
            for stage in complete or summary[:1]:
                self._joined.add(stage.name)
                self._emit(stage)
            if not complete and not summary:
                return

    def _deliver(self, topic: Topic, record: Any) -> None:
        for stage in self._stages:
            if topic not in stage.reads or not self._filters.accepts(stage, record):
                continue
            is_job = self._filters.starts_job(stage, record)
            self.deliveries.append(StageDelivery(stage, record, is_job))
            if is_job:
                self.publish(topics.JOBS_STARTED, record)
                self.records[topics.JOBS_FINISHED.name] += 1
                self.records[topics.SLOTS.name] += SLOT_RECORDS
            if isinstance(stage.handler, JobWatch):
                self.records[topics.retry(stage.name).name] += 1
            if not isinstance(stage.handler, FanIn | JobWatch | Router):
                self._emit(stage)

    def _emit(self, stage: Stage) -> None:
        if stage.writes is not None:
            self.publish(stage.writes, self._example(stage.writes, stage))

    def _example(self, topic: Topic, stage: Stage) -> Any:
        """Return what filters may ask of a record of a topic."""
        if topic == topics.READY:
            return self._media
        words = self._words if topic in TEXTS else None
        subtitles = topic == topics.TRANSCRIBED or None
        return SimpleNamespace(asset=self._media.asset, words=words, target=_setting(stage, "to"), subtitles=subtitles)

    def _waiting(self) -> Iterator[Stage]:
        return (stage for stage in self._stages if isinstance(stage.handler, FanIn) and stage.name not in self._joined)

    def _is_complete(self, stage: Stage) -> bool:
        """Return whether a fan-in processes this file, and every topic that it needs for it has a record."""
        if stage.writes == COMPLETED or not isinstance(stage.handler, FanIn):
            return False
        if not any(each.stage is stage for each in self.deliveries):
            return False
        needed = (stage.reads[0], *stage.handler.needs(self._media)) if stage.handler.needs else stage.reads
        return all(self.records[topic.name] for topic in needed)
