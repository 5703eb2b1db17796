"""The read service: what `watch`, `trace`, `status` and the demo ask. One object, so that they never disagree."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

from headrace.console.assets import stage_status as status
from headrace.console.assets.projection import AssetProjection
from headrace.console.assets.stage_status import GroupOffsets, PipelineStatus
from headrace.console.kafka.log_reader import LogReader
from headrace.schemas import topics
from headrace.schemas.kafka.settings import KafkaSettings
from headrace.schemas.settings import load
from headrace.streams import pipeline
from headrace.streams.stage import Stage
from headrace.streams.worker.status_reports import StageStatusReport, read


@dataclass(frozen=True, slots=True)
class AssetUpdate:
    """The state of all assets, and which of them have changed. `caught_up` once all that was there has been read."""

    progress: AssetProjection
    changed: tuple[str, ...]
    caught_up: bool


class ReadService:
    """Answers from the log alone; it remembers nothing and changes nothing."""

    def __init__(self, log: LogReader, stages: tuple[Stage, ...]) -> None:
        self._log = log
        self._stages = stages

    def progress(self, asset: str = "") -> AssetProjection:
        """Tell of every asset up to now; with a name, at least of those that can be meant by it."""
        progress = AssetProjection()
        wanted = asset.removeprefix("s3://").encode()

        def may_be_meant(key: bytes) -> bool:
            return key.endswith(wanted) or b"/" not in key  # a job's token has no slash, a key always has one

        for entry in self._log.read(self.topics(), may_be_meant if asset else None):
            progress.take(entry)
        return progress

    def follow(self) -> Iterator[AssetUpdate]:
        """Tell of every asset, first of all that is known and then of each change, for ever."""
        progress = AssetProjection()
        for batch in self._log.follow(self.topics()):
            changed = (progress.take(entry) for entry in batch.entries)
            yield AssetUpdate(progress, tuple(dict.fromkeys(asset for asset in changed if asset)), batch.caught_up)

    def status(self) -> PipelineStatus:
        """Tell how far every stage is."""
        names = [topic.name for topic in topics.table(stage.name for stage in self._stages)]
        spans = self._log.spans([*dict.fromkeys((*names, *self.topics()))])
        groups = self._log.groups([stage.group for stage in self._stages], spans)
        reports = self._reports()
        stages = []
        for stage in self._stages:
            oldest = self._log.timestamps(status.unfinished(stage, spans, groups[stage.group]))
            stages.append(status.stage_status(stage, GroupOffsets(spans, groups, oldest, reports), time.time()))
        return PipelineStatus(tuple(self._log.brokers()), tuple(stages), status.topic_statuses(spans))

    def _reports(self) -> list[StageStatusReport]:
        """Give the last word of each worker on each stage."""
        if topics.WORKERS.name not in self._log.topics():
            return []
        last = {entry.key: entry.record.value for entry in self._log.read([topics.WORKERS.name])}
        return [report for value in last.values() if value and (report := read(value))]

    @property
    def stage_names(self) -> list[str]:
        """Name the stages that have results to show."""
        return [stage.name for stage in self._stages if stage.writes not in (None, topics.COMPLETED)]

    def topics(self) -> list[str]:
        """Name the topics that tell of assets: everything but schemas and what is not about an asset."""
        names = [topics.UPLOADED, topics.DELETED, topics.JOBS_STARTED, topics.JOBS_FINISHED]
        for stage in self._stages:
            names += [*stage.reads, topics.retry(stage.name), topics.dead_letters(stage.name)]
            names += [stage.writes] if stage.writes else []
        return [*dict.fromkeys(topic.name for topic in names)]


def connect() -> ReadService:
    """Build the service over the cluster that the environment names."""
    return ReadService(LogReader(load(KafkaSettings)), pipeline.stages())
