"""The read service of assets and stages, for `watch`, `trace`, `status` and the demo."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from headrace.console.assets import accounting
from headrace.console.assets import stage_status as status
from headrace.console.assets.accounting import AccountReport
from headrace.console.assets.asset_event import Summaries
from headrace.console.assets.history import AssetHistory
from headrace.console.assets.projection import AssetProjection
from headrace.console.assets.stage_status import GroupOffsets, PipelineStatus
from headrace.console.kafka.log_reader import LogReader
from headrace.console.kafka.offsets import TopicAndPartition
from headrace.schemas import topics
from headrace.schemas.kafka.settings import KafkaSettings
from headrace.schemas.settings import load
from headrace.streams.engine.losses import RecordsLost, from_value
from headrace.streams.stage import Stage
from headrace.streams.worker.status_reports import StageStatusReport, read


@dataclass(frozen=True, slots=True)
class AssetUpdate:
    """The state of all assets, and those that changed. `caught_up` once all existing records have been read."""

    progress: AssetHistory
    changed: tuple[str, ...]
    caught_up: bool


class ReadService:
    """Reads the log on every call; it has no state and changes nothing."""

    def __init__(self, log: LogReader, stages: Sequence[Stage]) -> None:
        self._log = log
        self._stages = stages

    def progress(self, asset: str = "") -> AssetProjection:
        """Read the state of every asset; with a name, at least of those that match it."""
        progress = AssetProjection(self._summaries())
        wanted = asset.removeprefix("s3://").encode()

        def may_be_meant(key: bytes) -> bool:
            return key.endswith(wanted) or b"/" not in key  # a job's token has no slash, a key always has one

        for entry in self._log.read(self.topics(), may_be_meant if asset else None):
            progress.take(entry)
        return progress

    def asset_of_job(self, token: str) -> str | None:
        """Return the asset of a job, `bucket/key`; None if its start is not known."""
        return self.progress(token).asset_of_job(token)

    def follow(self) -> Iterator[AssetUpdate]:
        """Yield the state of every asset, then each change, without end."""
        progress = AssetProjection(self._summaries())
        for batch in self._log.follow(self.topics()):
            changed = (progress.take(entry) for entry in batch.entries)
            yield AssetUpdate(progress, tuple(dict.fromkeys(asset for asset in changed if asset)), batch.caught_up)

    def status(self, known_reports: Sequence[StageStatusReport] | None = None) -> PipelineStatus:
        """Read the progress of every stage. Without the last reports of workers, reads their topic."""
        names = [topic.name for topic in topics.table(stage.name for stage in self._stages)]
        spans = self._log.spans([*dict.fromkeys((*names, *self.topics()))])
        groups = self._log.groups(self._inputs(spans))
        reports, losses = self._reports() if known_reports is None else known_reports, self.losses()
        unfinished = {each.name: status.unfinished(each, spans, groups[each.group]) for each in self._stages}
        times = self._log.timestamps(
            {(*place, offset) for left in unfinished.values() for place, offset in left.items()}
        )
        stages = []
        for stage in self._stages:
            oldest = {
                place: times[*place, offset]
                for place, offset in unfinished[stage.name].items()
                if (*place, offset) in times
            }
            stages.append(status.stage_status(stage, GroupOffsets(spans, groups, oldest, reports, losses), time.time()))
        return PipelineStatus(tuple(self._log.brokers()), tuple(stages), status.topic_statuses(spans))

    def _inputs(self, places: Iterable[TopicAndPartition]) -> dict[str, list[TopicAndPartition]]:
        """Return the partitions that each group reads."""
        known, names = list(places), {each.group: {topic.name for topic in each.inputs} for each in self._stages}
        return {group: [place for place in known if place[0] in inputs] for group, inputs in names.items()}

    def _summaries(self) -> Summaries:
        return {stage.name: stage.summary for stage in self._stages if stage.summary is not None}

    def accounts(self) -> AccountReport:
        """Compare the accepted records of every stage with their outcomes."""
        names = dict.fromkeys(topic.name for stage in self._stages for topic in stage.inputs)
        letters = [topics.dead_letters(stage.name).name for stage in self._stages]
        groups = self._log.groups(self._inputs(self._log.partitions(names)))
        spans = self._log.spans([*names, *letters])  # after the groups: a committed record has an offset in them
        return accounting.account_report(self._stages, spans, groups, self.losses())

    def losses(self) -> list[RecordsLost]:
        """Return every recorded loss, with its acknowledgement."""
        values = self._log.newest(topics.LOSSES.name).values()
        return [loss for value in values if (loss := from_value(value))]

    def _reports(self) -> list[StageStatusReport]:
        """Return the last report of each worker on each stage."""
        reports = sorted(self._log.newest(topics.WORKERS.name).items())
        return [report for _, value in reports if (report := read(value))]

    @property
    def stage_names(self) -> list[str]:
        """Name the stages that have results."""
        return [stage.name for stage in self._stages if stage.writes not in (None, topics.COMPLETED)]

    def topics(self) -> list[str]:
        """Name the topics with records about assets."""
        return asset_topics(self._stages)


def asset_topics(stages: Sequence[Stage]) -> list[str]:
    """Name the topics of a pipeline with records about assets."""
    names = [topics.UPLOADED, topics.DELETED, topics.JOBS_STARTED, topics.JOBS_FINISHED]
    for stage in stages:
        names += [*stage.reads, topics.retry(stage.name), topics.dead_letters(stage.name)]
        names += [stage.writes] if stage.writes else []
    return [*dict.fromkeys(topic.name for topic in names)]


def connect(stages: Sequence[Stage]) -> ReadService:
    """Create the service for the cluster that the environment names."""
    return ReadService(LogReader(load(KafkaSettings)), stages)
