"""A process that hosts stages: each its own Faust app and consumer group, so each lags, rewinds and fails alone."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from confluent_kafka import KafkaException

from headrace.schemas import topics
from headrace.schemas.kafka import clients
from headrace.schemas.kafka.settings import KafkaSettings
from headrace.schemas.runtime import gc_tuning
from headrace.streams.engine import circuit_breaker, epochs, metrics
from headrace.streams.engine.circuit_breaker import FuseBlown
from headrace.streams.errors import Failure
from headrace.streams.results import Bucket
from headrace.streams.routing.rule_table import RuleTable
from headrace.streams.settings import StreamSettings
from headrace.streams.stage import Stage
from headrace.streams.worker import health
from headrace.streams.worker.rule_reloader import Growth
from headrace.streams.worker.runtime import Hosted, Shared

LOOK_SECONDS = 0.5
LAST_WORD_SECONDS = 2.0


class WorkerFailed(RuntimeError):
    """A stage stopped by itself; the process must not go on as if it worked."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a worker process is asked to do. `rules` are followed on the log; if it `grows`, it hosts also new ones."""

    stages: Sequence[Stage]
    settings: StreamSettings
    cluster: KafkaSettings
    reset_fuse: bool = False
    rules: RuleTable | None = None
    grows: bool = False


async def run(plan: Plan, stop: asyncio.Event) -> None:
    """Host stages until `stop` is set, then drain. Raises `WorkerFailed` when none of them can go on."""
    wanted = _wanted(plan.stages)
    if not await _there(lambda: asyncio.to_thread(_missing, wanted, plan.cluster), stop):
        return
    shared = await asyncio.to_thread(Shared, plan.stages, plan.settings, plan.cluster)
    for look in (lambda: _no_bucket(shared.bucket), lambda: asyncio.to_thread(shared.unregistered)):
        if not await _there(look, stop):
            return
    await asyncio.to_thread(shared.start)
    if uneven := [why for stage in plan.stages if (why := shared.uneven(stage))]:
        raise WorkerFailed("; ".join(uneven))
    hosted = [shared.host(stage) for stage in await fit(plan, shared.bucket)]
    pulse = health.Pulse({each.stage.name: each.lanes for each in hosted}, time.monotonic())
    close = health.serve(pulse, plan.settings.metrics_port) if plan.settings.metrics_port else None
    growth = Growth(plan.rules, plan.grows, shared, hosted, pulse)
    try:
        await asyncio.gather(*(each.app.start() for each in hosted))
        await asyncio.gather(*(shared.report(each.stage, "working") for each in hosted))
        gc_tuning.look_seldom()
        pulse.ready = True
        metrics.log.info("ready", stages=[each.stage.name for each in hosted])
        await asyncio.to_thread(growth.follow, plan.cluster)
        await _watch(hosted, pulse, shared.bucket, stop, growth.look)
    finally:
        await asyncio.to_thread(growth.stop)
        await asyncio.gather(*(each.app.stop() for each in hosted))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LAST_WORD_SECONDS):
                await asyncio.gather(*(shared.report(each.stage, "stopped") for each in hosted))
        await asyncio.to_thread(shared.stop)
        if close is not None:
            close()
        metrics.log.info("stopped")


async def fit(plan: Plan, bucket: Bucket) -> list[Stage]:
    """Leave out stages whose fuse is blown, unless it is to be reset; give the others as of their present epoch."""
    fit = []
    for stage in plan.stages:
        if plan.reset_fuse:
            await circuit_breaker.keep(bucket, stage.name, "")
        why = await circuit_breaker.blown(bucket, stage.name)
        if why:
            metrics.log.error(
                "fuse blown", stage=stage.name, why=why, then=f"headrace worker {stage.name} --reset-fuse"
            )
        else:
            fit.append(await epochs.now(bucket, stage))
    if not fit:
        raise WorkerFailed("the fuse of every stage here is blown; mend the cause, then use --reset-fuse")
    return fit


async def _watch(
    hosted: list[Hosted],
    pulse: health.Pulse,
    bucket: Bucket,
    stop: asyncio.Event,
    grow: Callable[[], Awaitable[None]],
) -> None:
    """Stop a stage whose fuse blows and go on with the others; anything else that ends a stage ends the process."""
    while not stop.is_set():
        pulse.beat = time.monotonic()
        for each in list(hosted):
            failure = each.lanes.failure() or each.app.crash_reason
            if isinstance(failure, FuseBlown):
                metrics.log.error("fuse blown", stage=each.stage.name, why=str(failure))
                await circuit_breaker.keep(bucket, each.stage.name, str(failure))
                hosted.remove(each)
                pulse.lanes.pop(each.stage.name)
                await each.app.stop()
            elif failure is not None:
                raise WorkerFailed(f"stage {each.stage.name}: {failure!r}") from failure
        await grow()
        if not hosted:
            raise WorkerFailed("every stage here has stopped")
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), LOOK_SECONDS)


async def _there(look: Callable[[], Awaitable[str]], stop: asyncio.Event) -> bool:
    """Wait until nothing is missing, saying once what is waited for. False when told to stop."""
    said = ""
    begun = time.monotonic()
    while not stop.is_set():
        waiting = await look()
        if not waiting:
            if said:
                metrics.log.info("go", waited_s=round(time.monotonic() - begun, 1))
            return True
        if waiting != said:
            metrics.log.warning("waiting", on=waiting)
            said = waiting
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), LOOK_SECONDS)
    return False


async def _no_bucket(bucket: Bucket) -> str:
    try:
        await bucket.list("_", "")
    except Failure as failure:
        return failure.why
    return ""


def _wanted(stages: Sequence[Stage]) -> set[str]:
    """Name every topic that these stages read or write."""
    own = {topic.name for stage in stages for topic in (*stage.inputs, topics.dead_letters(stage.name))}
    return own | {topics.SCHEMAS.name, topics.WORKERS.name} | {each.writes.name for each in stages if each.writes}


def _missing(wanted: set[str], cluster: KafkaSettings) -> str:
    try:
        there = clients.existing_topics(clients.admin(cluster), timeout=5)
    except KafkaException:
        return clients.unreachable(cluster)
    missing = sorted(wanted - there.keys())
    return f"topics not there: {', '.join(missing)} (headrace topics apply)" if missing else ""
