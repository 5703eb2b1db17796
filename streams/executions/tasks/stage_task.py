"""The task `headrace:stage:NAME`, which runs a stage of the pipeline on an object.

The stage runs in its own workers, with its quotas, rates, budgets and costs. The execution is noted as waiting for the
result before the store is searched for it, and a stage stores its result before it emits it: one of both finds it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any

import msgspec
from msgspec import Struct

from headrace.schemas import topics
from headrace.schemas.cloudevents import PREFIX, EventMetadata, timestamp, to_headers
from headrace.schemas.ids import derived_id
from headrace.schemas.messages import ProducerRecord
from headrace.schemas.records import Asset, Event
from headrace.schemas.serde.codec import Codec
from headrace.streams.executions.json_codec import decode_json, encode_json
from headrace.streams.executions.tasks.ports import ScheduledWork, TaskError
from headrace.streams.handlers import AsyncJob, FanIn, Transform
from headrace.streams.machines.json_types import Json
from headrace.streams.result_paths import asset_folder, version_folder
from headrace.streams.results import AssetResults, ResultsBucket, ResultsStore
from headrace.streams.stage import Stage, record_filter

SERVICE = "headrace"
NOT_ACCEPTED = "Headrace.InputNotAccepted"
UNKNOWN_STAGE = "Headrace.UnknownStage"


class TaskWaiter(Struct, frozen=True):
    """A task that waits for the result of a stage."""

    execution: str
    task: str


class StageTasks:
    """Sends records to the stages of a deployment, and finds the executions that wait for a result."""

    def __init__(self, stages: Sequence[Stage], bucket: ResultsBucket, codec: Codec) -> None:
        runnable = (stage for stage in stages if isinstance(stage.handler, Transform | AsyncJob) and stage.writes)
        self._stages: Mapping[str, Stage] = {stage.name: stage for stage in runnable}
        self._joining = {stage.name: stage for stage in stages if isinstance(stage.handler, FanIn) and stage.writes}
        self._producers = {stage.writes: stage for stage in stages if stage.writes}
        self._names = {stage.writes.name: stage.name for stage in stages if stage.writes}
        self._bucket = bucket
        self._results = ResultsStore(bucket)
        self._codec = codec

    async def run(self, name: str, value: Json, work: ScheduledWork) -> Json | ProducerRecord:
        """Return the stored result of a stage, or the record that lets the stage run.

        Raises:
            TaskError: There is no such stage, or it does not accept the input.
            StageError: The results bucket is unavailable.
        """
        if name in self._joining:
            return result_of(await self._stored(value, [self._joining[name]]))
        stage = self._stages.get(name)
        if stage is None:
            known = ", ".join((*self._stages, *self._joining))
            raise TaskError(UNKNOWN_STAGE, f"no stage {name} can run as a task; there are {known}")
        event = await self._input(stage, value)
        asset: Asset = event.asset  # type: ignore[union-attr]
        if not record_filter(stage)(event):
            raise TaskError(NOT_ACCEPTED, f"the stage {name} does not process {asset.bucket}/{asset.key}")
        await self._bucket.put(_waiter_key(asset, name, work), encode_json(TaskWaiter(*work[:2])), "application/json")
        stored = await (await self._results.load(asset)).stored(stage.result_name)
        if stored is not None and stored.event is not None:
            return result_of(stored.record())
        return self._record(stage, event, work)

    def writer_of(self, topic: str) -> str | None:
        """Return the name of the stage that writes a topic."""
        return self._names.get(topic)

    async def waiters(self, stage: str, asset: Asset) -> list[TaskWaiter]:
        """Return the tasks that wait for the result of a stage for an asset version."""
        keys = await self._bucket.list(_waiters_folder(asset, stage), "")
        contents = [await self._bucket.get(key) for key in keys]
        return [decode_json(content, TaskWaiter) for content in contents if content is not None]

    async def _input(self, stage: Stage, value: Json) -> Event:
        """Return the record of a stage's input: the given one, or the stored one of an object."""
        kinds = [kind for topic in stage.reads for kind in topic.events]
        for kind in kinds:
            try:
                event: Event = msgspec.convert(value, kind)
            except (msgspec.ValidationError, TypeError):
                continue
            return event
        producers = [producer for topic in stage.reads if (producer := self._producers.get(topic))]
        return await self._stored(value, producers)

    async def _stored(self, value: Json, producers: Sequence[Stage]) -> Event:
        """Return the stored result of the first of some stages that has one for the newest version of an object."""
        fields = value.get("asset", value) if isinstance(value, dict) else {}
        bucket, key = (fields.get(name) if isinstance(fields, dict) else None for name in ("bucket", "key"))
        if not isinstance(bucket, str) or not isinstance(key, str):
            raise TaskError(NOT_ACCEPTED, "the input must be a record of the stage, or an object with bucket and key")
        keys = await self._bucket.list(asset_folder(_object(bucket, key)), "")
        newest = max((name.rpartition("/")[0] for name in keys), default="")
        own = frozenset(name.removeprefix(f"{newest}/") for name in keys if name.startswith(f"{newest}/"))
        results = AssetResults(self._bucket, f"{newest}/", own, newer=False)
        for producer in producers:  # the name of a joined result has a digest of what was joined
            event = await results.event(producer.name)
            if event is not None:
                return event
        names = " or ".join(producer.name for producer in producers)
        raise TaskError(NOT_ACCEPTED, f"{bucket}/{key} has no result of {names or 'an earlier stage'}")

    def _record(self, stage: Stage, event: Event, work: ScheduledWork) -> ProducerRecord:
        """Return the record for the retry topic of the stage, which only this stage reads."""
        envelope = EventMetadata(
            id=derived_id(work.execution, "machine-tasks", work.task),
            source="headrace/machine-tasks",
            type=PREFIX + event.EVENT,
            time=timestamp(work.now),
            subject=topics.subject_of(event),
            correlation_id=work.cause.correlation,
            causation_id=work.cause.id,
            traceparent=work.cause.traceparent,
        )
        value = self._codec.encode(event)
        return ProducerRecord(topics.retry(stage.name).name, topics.key_of(event), value, to_headers(envelope))


def _object(bucket: str, key: str) -> Asset:
    return Asset(bucket=bucket, key=key, version="", etag="", size=0, sequencer="")


def _waiters_folder(asset: Asset, stage: str) -> str:
    digest = sha256(version_folder(asset).encode()).hexdigest()
    return f"_machines/waiters/{digest}/{stage}/"


def _waiter_key(asset: Asset, stage: str, work: ScheduledWork) -> str:
    return f"{_waiters_folder(asset, stage)}{sha256(f'{work.execution}#{work.task}'.encode()).hexdigest()}.json"


def result_of(event: Any) -> Json:
    """Return the event of a stage as the result of a task."""
    return msgspec.json.decode(msgspec.json.encode(event))
