"""A process that hosts stages: each its own Faust app and consumer group, so each lags, rewinds and fails alone."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Sequence
from dataclasses import dataclass

from confluent_kafka import KafkaException

from schemas import kafka, topics
from schemas.settings import KafkaSettings
from streams import fuse, health, telemetry
from streams.app import reads
from streams.fuse import FuseBlown
from streams.results import Bucket
from streams.settings import StreamSettings
from streams.shared import Hosted, Shared
from streams.stage import Stage

LOOK_SECONDS = 0.5


class WorkerFailed(RuntimeError):
    """A stage stopped by itself; the process must not go on as if it worked."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a worker process is asked to do."""

    stages: Sequence[Stage]
    settings: StreamSettings
    cluster: KafkaSettings
    reset_fuse: bool = False


async def run(plan: Plan, stop: asyncio.Event) -> None:
    """Host stages until `stop` is set, then drain. Raises `WorkerFailed` when none of them can go on."""
    if not await _cluster_ready(plan.stages, plan.cluster, stop):
        return
    shared = await asyncio.to_thread(Shared, plan.stages, plan.settings, plan.cluster)
    await asyncio.to_thread(shared.start)
    hosted = [shared.host(stage) for stage in await _fit(plan, shared.bucket)]
    pulse = health.Pulse({each.stage.name: each.lanes for each in hosted}, time.monotonic())
    close = health.serve(pulse, plan.settings.metrics_port) if plan.settings.metrics_port else None
    try:
        await asyncio.gather(*(each.app.start() for each in hosted))
        pulse.ready = True
        telemetry.log.info("ready", stages=[each.stage.name for each in hosted])
        await _watch(hosted, pulse, shared.bucket, stop)
    finally:
        await asyncio.gather(*(each.app.stop() for each in hosted))
        await asyncio.to_thread(shared.stop)
        if close is not None:
            close()
        telemetry.log.info("stopped")


async def _fit(plan: Plan, bucket: Bucket) -> list[Stage]:
    """Leave out stages whose fuse is blown, unless it is to be reset."""
    fit = []
    for stage in plan.stages:
        if plan.reset_fuse:
            await fuse.keep(bucket, stage.name, "")
        why = await fuse.blown(bucket, stage.name)
        if why:
            telemetry.log.error(
                "fuse blown", stage=stage.name, why=why, then=f"headrace worker {stage.name} --reset-fuse"
            )
        else:
            fit.append(stage)
    if not fit:
        raise WorkerFailed("the fuse of every stage here is blown; mend the cause, then use --reset-fuse")
    return fit


async def _watch(hosted: list[Hosted], pulse: health.Pulse, bucket: Bucket, stop: asyncio.Event) -> None:
    """Stop a stage whose fuse blows and go on with the others; anything else that ends a stage ends the process."""
    while not stop.is_set():
        pulse.beat = time.monotonic()
        for each in list(hosted):
            failure = each.lanes.failure() or each.app.crash_reason
            if isinstance(failure, FuseBlown):
                telemetry.log.error("fuse blown", stage=each.stage.name, why=str(failure))
                await fuse.keep(bucket, each.stage.name, str(failure))
                hosted.remove(each)
                pulse.lanes.pop(each.stage.name)
                await each.app.stop()
            elif failure is not None:
                raise WorkerFailed(f"stage {each.stage.name}: {failure!r}") from failure
        if not hosted:
            raise WorkerFailed("every stage here has stopped")
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), LOOK_SECONDS)


async def _cluster_ready(stages: Sequence[Stage], cluster: KafkaSettings, stop: asyncio.Event) -> bool:
    """Wait until the broker answers and has all topics, saying once what is waited for. False when told to stop."""
    wanted = {topic.name for stage in stages for topic in (*reads(stage), topics.dead_letters(stage.name))}
    wanted |= {topics.SCHEMAS.name} | {stage.writes.name for stage in stages if stage.writes}
    said = ""
    begun = time.monotonic()
    while not stop.is_set():
        waiting = await asyncio.to_thread(_missing, wanted, cluster)
        if not waiting:
            if said:
                telemetry.log.info("go", waited_s=round(time.monotonic() - begun, 1))
            return True
        if waiting != said:
            telemetry.log.warning("waiting", on=waiting)
            said = waiting
        await asyncio.sleep(LOOK_SECONDS)
    return False


def _missing(wanted: set[str], cluster: KafkaSettings) -> str:
    try:
        there = kafka.existing_topics(kafka.admin(cluster), timeout=5)
    except KafkaException:
        return f"no Kafka at {cluster.bootstrap_servers} (HEADRACE_BOOTSTRAP_SERVERS)"
    missing = sorted(wanted - there.keys())
    return f"topics not there: {', '.join(missing)} (headrace topics apply)" if missing else ""
