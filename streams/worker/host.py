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
from headrace.schemas.runtime.outage_log import OutageLog
from headrace.streams.engine import circuit_breaker, epochs, metrics
from headrace.streams.engine.circuit_breaker import CircuitOpenError
from headrace.streams.errors import StageError
from headrace.streams.results import ResultsBucket
from headrace.streams.routing.rule_table import RuleTable
from headrace.streams.settings import StreamSettings
from headrace.streams.stage import Stage
from headrace.streams.worker import health
from headrace.streams.worker.rule_reloader import RuleReloader
from headrace.streams.worker.runtime import HostedStage, WorkerRuntime

LOOK_SECONDS = 0.5
FINAL_REPORT_SECONDS = 2.0


class WorkerError(RuntimeError):
    """A stage stopped by itself; the process must not go on as if it worked."""


@dataclass(frozen=True, slots=True)
class WorkerConfig:
    """What a worker process is asked to do. `rules` are followed on the log; if it `grows`, it hosts also new ones."""

    stages: Sequence[Stage]
    settings: StreamSettings
    cluster: KafkaSettings
    reset_circuit_breaker: bool = False
    rules: RuleTable | None = None
    host_new_rules: bool = False


async def run(plan: WorkerConfig, stop: asyncio.Event) -> None:
    """Host stages until `stop` is set, then drain. Raises `WorkerFailed` when none of them can go on."""
    wanted = _wanted(plan.stages)
    if not await _wait_until_ready(lambda: asyncio.to_thread(_missing, wanted, plan.cluster), stop):
        return
    shared = await asyncio.to_thread(WorkerRuntime, plan.stages, plan.settings, plan.cluster)
    for look in (lambda: _no_bucket(shared.bucket), lambda: asyncio.to_thread(shared.registry_error)):
        if not await _wait_until_ready(look, stop):
            return
    await asyncio.to_thread(shared.start)
    if uneven := [why for stage in plan.stages if (why := shared.copartitioning_error(stage))]:
        raise WorkerError("; ".join(uneven))
    hosted = [shared.host(stage) for stage in await startable_stages(plan, shared.bucket)]
    pulse = health.HealthState({each.stage.name: each.scheduler for each in hosted}, time.monotonic())
    close = health.serve(pulse, plan.settings.metrics_port) if plan.settings.metrics_port else None
    growth = RuleReloader(plan.rules, plan.host_new_rules, shared, hosted, pulse)
    try:
        await asyncio.gather(*(each.host.start() for each in hosted))
        await asyncio.gather(*(shared.report(each.stage, "working") for each in hosted))
        gc_tuning.reduce_gc_frequency()
        pulse.ready = True
        metrics.log.info("ready", stages=[each.stage.name for each in hosted])
        await asyncio.to_thread(growth.follow, plan.cluster)
        await _watch(hosted, pulse, shared.bucket, stop, growth.reconcile)
    finally:
        await asyncio.to_thread(growth.stop)
        await asyncio.gather(*(each.host.stop() for each in hosted))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FINAL_REPORT_SECONDS):
                await asyncio.gather(*(shared.report(each.stage, "stopped") for each in hosted))
        await asyncio.to_thread(shared.stop)
        if close is not None:
            close()
        metrics.log.info("stopped")


async def startable_stages(plan: WorkerConfig, bucket: ResultsBucket) -> list[Stage]:
    """Leave out stages whose fuse is blown, unless it is to be reset; give the others as of their present epoch."""
    fit = []
    for stage in plan.stages:
        if plan.reset_circuit_breaker:
            await circuit_breaker.save_reason(bucket, stage.name, "")
        why = await circuit_breaker.load_reason(bucket, stage.name)
        if why:
            metrics.log.error(
                "fuse blown", stage=stage.name, why=why, then=f"headrace worker {stage.name} --reset-fuse"
            )
        else:
            fit.append(await epochs.with_current_epoch(bucket, stage))
    if not fit:
        raise WorkerError("the fuse of every stage here is blown; mend the cause, then use --reset-fuse")
    return fit


async def _watch(
    hosted: list[HostedStage],
    pulse: health.HealthState,
    bucket: ResultsBucket,
    stop: asyncio.Event,
    grow: Callable[[], Awaitable[None]],
) -> None:
    """Stop a stage whose fuse blows and go on with the others; anything else that ends a stage ends the process."""
    while not stop.is_set():
        pulse.last_heartbeat = time.monotonic()
        for each in list(hosted):
            failure = each.host.failure()
            if isinstance(failure, CircuitOpenError):
                metrics.log.error("fuse blown", stage=each.stage.name, why=str(failure))
                await circuit_breaker.save_reason(bucket, each.stage.name, str(failure))
                hosted.remove(each)
                pulse.schedulers.pop(each.stage.name)
                await each.host.stop()
            elif failure is not None:
                raise WorkerError(f"stage {each.stage.name}: {failure!r}") from failure
        await grow()
        if not hosted:
            raise WorkerError("every stage here has stopped")
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), LOOK_SECONDS)


async def _wait_until_ready(look: Callable[[], Awaitable[str]], stop: asyncio.Event) -> bool:
    """Wait until no dependency is missing. Return False if `stop` is set first."""
    outage = OutageLog()
    while not stop.is_set():
        missing = await look()
        if not missing:
            outage.recovered()
            return True
        outage.down(missing)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), LOOK_SECONDS)
    return False


async def _no_bucket(bucket: ResultsBucket) -> str:
    try:
        await bucket.list("_", "")
    except StageError as failure:
        return failure.why
    return ""


def _wanted(stages: Sequence[Stage]) -> set[str]:
    """Name every topic that these stages read or write."""
    own = {topic.name for stage in stages for topic in (*stage.inputs, topics.dead_letters(stage.name))}
    return own | {topics.SCHEMAS.name, topics.WORKERS.name} | {each.writes.name for each in stages if each.writes}


def _missing(wanted: set[str], cluster: KafkaSettings) -> str:
    try:
        there = clients.partition_counts(clients.admin(cluster), timeout=5)
    except KafkaException:
        return clients.unreachable_message(cluster)
    missing = sorted(wanted - there.keys())
    return f"topics not there: {', '.join(missing)} (headrace topics apply)" if missing else ""
