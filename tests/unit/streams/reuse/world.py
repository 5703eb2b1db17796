"""A worker's runners with a bucket, services and a clock in memory, whose stages reuse results."""

from __future__ import annotations

import asyncio
import dataclasses
import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from headrace.schemas.cloudevents import EventMetadata, from_headers
from headrace.schemas.ids import job_token
from headrace.schemas.messages import ConsumerRecord, ProducerRecord
from headrace.schemas.records import Asset, MediaReady
from headrace.streams.engine.context import RunnerContext
from headrace.streams.engine.outcome import Dead, Done, Outcome, PauseStage, Retry
from headrace.streams.engine.runner import Runner
from headrace.streams.limits.job_slots import JobSlots, UnlimitedSlots
from headrace.streams.results import ResultsStore
from headrace.streams.reuse.reuse import ReuseResources
from headrace.streams.reuse.waiting import ResultWaiters
from headrace.streams.stage import Stage
from tests.support.fake_services import FakeServices, MemoryBucket
from tests.support.prices import PRICES
from tests.support.records import CODEC, NOW, arrived, job_finished, ready, received
from tests.support.stages import get_stages


def reusing(name: str, **changes: Any) -> Stage:
    """Return a stage of the default pipeline that reuses results."""
    return dataclasses.replace(get_stages([name])[0], reuse=True, **changes)


def image(key: str, **changes: Any) -> MediaReady:
    """Return an image whose content is the same as that of all others."""
    return ready(Asset(bucket="media", key=key, version="e1", etag="e1", size=10, sequencer="0A"), **changes)


def video(key: str, **changes: Any) -> MediaReady:
    """Return a video whose content is the same as that of all others."""
    given = {"kind": "video", "content_type": "video/mp4", "duration_seconds": 60.0, "video_codec": "h264"}
    return image(key, **{**given, "sha256": "1" * 64, **changes})


class World:
    """Everything that outlives a worker: the bucket and the services. Each runner is a worker of its own."""

    def __init__(self, bucket: MemoryBucket | None = None, services: FakeServices | None = None) -> None:
        self.bucket = bucket or MemoryBucket()
        self.services = services or FakeServices()
        self.results = ResultsStore(self.bucket)
        self.now = NOW
        self.waiters = ResultWaiters([reusing("labels"), reusing("transcript")], 0, random.Random(1))

    def runner(self, stage: Stage, settings: Sequence[str] = (), slots: JobSlots | None = None) -> Runner:
        """Return the runner of a worker. By default all of its waiting records go to the retry topic."""
        context = RunnerContext(
            CODEC,
            self.results,
            self.services.services(self.results),
            slots or UnlimitedSlots(),
            PRICES,
            clock=self.clock,
            draw=random.Random(1),
            reuse=ReuseResources(self.bucket, self.waiters, settings, self.clock),
        )
        return Runner(stage, context)

    def clock(self) -> datetime:
        return self.now

    def later(self, **by: float) -> None:
        self.now += timedelta(**by)

    async def done(self, stage: Stage, record: ConsumerRecord, settings: Sequence[str] = ()) -> list[ProducerRecord]:
        outcome = await self.runner(stage, settings).run(record)
        assert isinstance(outcome, Done), outcome
        for sent in outcome.events:
            self.waiters.take(arrived(sent))
        return list(outcome.events)

    async def ends(self, stage: Stage, record: ConsumerRecord) -> Outcome:
        """Run a record as a processor does: again after a wait, and with its failure stored if it is dead."""
        runner = self.runner(stage)
        while True:
            outcome = await runner.run(record)
            if isinstance(outcome, Retry | PauseStage):
                await asyncio.sleep(0)
                continue
            if isinstance(outcome, Dead):
                await runner.remember_failure(record, outcome)
            for sent in outcome.events if isinstance(outcome, Done) else ():
                self.waiters.take(arrived(sent))
            return outcome


def completion(stage: Stage, of: MediaReady, **changes: Any) -> ConsumerRecord:
    """Return the completion of the job of a record."""
    token = job_token(stage.name, of.asset, stage.result_name)
    return received(job_finished(token, job_id=f"job-of-{token}", **changes))


def opened(sent: ProducerRecord) -> tuple[Any, EventMetadata]:
    """Return the event and the attributes of a message."""
    return CODEC.decode(sent.value), from_headers(sent.headers)
