"""Host stages in one process. Each has its own consumer group, so each lags, rewinds and fails alone."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial

from confluent_kafka import KafkaException

from headrace.schemas import topics
from headrace.schemas.http_calls import HttpCalls
from headrace.schemas.kafka import clients
from headrace.schemas.kafka.settings import KafkaSettings
from headrace.schemas.runtime import gc_tuning
from headrace.schemas.runtime.metrics_settings import MetricsSettings
from headrace.schemas.runtime.outage_log import OutageLog
from headrace.schemas.tracing.start import start_tracer
from headrace.schemas.tracing.tracer import Tracer
from headrace.streams import pipeline
from headrace.streams.engine import epochs, metrics
from headrace.streams.errors import StageError
from headrace.streams.kafka import client_log
from headrace.streams.media import ffmpeg
from headrace.streams.pipeline import Deployment
from headrace.streams.results import ResultsBucket
from headrace.streams.routing.rule_table import RuleTable
from headrace.streams.settings import StreamSettings
from headrace.streams.stage import Stage
from headrace.streams.worker import health
from headrace.streams.worker.limit_names import check_limit_names
from headrace.streams.worker.rule_reloader import RuleReloader
from headrace.streams.worker.runtime import HostedStage, WorkerRuntime
from headrace.streams.worker.stage_supervisor import StageSupervisor

POLL_SECONDS = 0.5
FINAL_REPORT_SECONDS = 2.0


class WorkerError(RuntimeError):
    """No stage can run; the process must end."""


@dataclass(frozen=True, slots=True)
class WorkerConfig:
    """The stages that a worker process hosts. `rules` are followed on the log; `host_new_rules` hosts new ones too.

    `http` makes the HTTP calls of state machines.
    """

    stages: Sequence[Stage]
    deployment: Deployment
    settings: StreamSettings
    cluster: KafkaSettings
    rules: RuleTable | None = None
    host_new_rules: bool = False
    http: HttpCalls | None = None
    metrics: MetricsSettings | None = None
    """Where metrics and probes are served, if they are."""


async def run(plan: WorkerConfig, stop: asyncio.Event) -> None:
    """Host stages until `stop` is set, then drain.

    Raises:
        WorkerError: no stage can run.
        SettingsError: a limit has an unknown name, or a variable of the traces is invalid.
    """
    client_log.install()
    check_limit_names(plan.settings, (*pipeline.all_stages(), *plan.deployment.stages))
    tracer = start_tracer("headrace-worker")
    required = _required_topics(plan.stages)
    if not await _wait_until_ready(lambda: asyncio.to_thread(_missing_topics, required, plan.cluster), stop):
        return
    own = plan.stages, plan.deployment, plan.settings, plan.cluster
    build = partial(WorkerRuntime, *own, http=plan.http, tracer=tracer)
    runtime = await asyncio.to_thread(build)
    for check in (lambda: _bucket_error(runtime.bucket), lambda: asyncio.to_thread(runtime.registry_error)):
        if not await _wait_until_ready(check, stop):
            return
    await asyncio.to_thread(runtime.start)
    errors = [error for stage in plan.stages if (error := runtime.copartitioning_error(stage))]
    if errors:
        raise WorkerError("; ".join(errors))
    state = health.HealthState({}, time.monotonic(), followers=runtime.followers)
    close = _serve_metrics(plan.metrics, state, tracer)
    background = [asyncio.create_task(each) for each in (_beat(state), runtime.write_snapshots())]
    try:
        if await wait_for_limits(runtime.catching_up, state, stop):
            await _host(plan, runtime, state, stop)
    finally:
        for each in background:
            each.cancel()
        await asyncio.to_thread(runtime.stop)
        if close is not None:
            close()
        metrics.log.info("stopped")


async def wait_for_limits(
    catching_up: Callable[[], str], state: health.HealthState, stop: asyncio.Event, poll_seconds: float = POLL_SECONDS
) -> bool:
    """Wait until everything that limits paid work has been read: job slots, budgets, schemas.

    Return False if `stop` is set first. There is no time limit: work that starts without its limits costs money.
    """
    while not stop.is_set():
        state.waiting_for = catching_up()
        if not state.waiting_for:
            return True
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), poll_seconds)
    return False


def _ffmpeg_error(stages: Sequence[Stage]) -> str:
    """Return which stages need an ffmpeg that is missing, and the remedy; empty if there is nothing to report."""
    names = [stage.name for stage in stages if "ffmpeg" in stage.programs]
    error = ffmpeg.find_error() if names else ""
    return f"{', '.join(names)}: {error}" if error else ""


async def _host(plan: WorkerConfig, runtime: WorkerRuntime, state: health.HealthState, stop: asyncio.Event) -> None:
    """Run the stages until `stop` is set, then drain them."""
    if reason := _ffmpeg_error(plan.stages):
        metrics.log.warning("ffmpeg_missing", reason=reason)
    hosted = [runtime.host(await epochs.with_current_epoch(runtime.bucket, stage)) for stage in plan.stages]
    state.schedulers |= {each.stage.name: each.scheduler for each in hosted}
    reloader = RuleReloader(plan.rules, plan.host_new_rules, runtime, hosted, state)
    supervisor = StageSupervisor(runtime, hosted, state)
    try:
        await asyncio.gather(*(each.host.start() for each in hosted))
        await asyncio.gather(*(runtime.report(each.stage, "working") for each in hosted))
        gc_tuning.reduce_gc_frequency()
        state.ready = True
        metrics.log.info("ready", stages=[each.stage.name for each in hosted])
        await asyncio.to_thread(reloader.follow, plan.cluster)
        await _watch(hosted, supervisor, reloader, stop)
    finally:
        await supervisor.stop()
        await asyncio.to_thread(reloader.stop)
        await asyncio.gather(*(each.host.stop() for each in hosted), return_exceptions=True)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FINAL_REPORT_SECONDS):
                await asyncio.gather(*(runtime.report(each.stage, "stopped") for each in hosted))


def _serve_metrics(
    settings: MetricsSettings | None, state: health.HealthState, tracer: Tracer
) -> Callable[[], None] | None:
    if settings is None or not settings.metrics_port:
        return None
    return health.serve(state, settings.metrics_port, settings.metrics_host, tracer.counts)


async def _beat(state: health.HealthState) -> None:
    """Show that the event loop is not blocked."""
    while True:
        state.last_heartbeat = time.monotonic()
        await asyncio.sleep(POLL_SECONDS)


async def _watch(
    hosted: list[HostedStage], supervisor: StageSupervisor, reloader: RuleReloader, stop: asyncio.Event
) -> None:
    """Restart failed stages and apply changed rules until `stop` is set."""
    outage = OutageLog(part="rules")
    while not stop.is_set():
        supervisor.check()
        try:
            await reloader.reconcile()
        except Exception as error:  # the stages go on; the next round tries again
            outage.down(repr(error))
        else:
            outage.recovered()
        if not hosted and not supervisor.restarting:
            raise WorkerError("every stage has stopped")
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), POLL_SECONDS)


async def _wait_until_ready(check: Callable[[], Awaitable[str]], stop: asyncio.Event) -> bool:
    """Wait until no dependency is missing. Return False if `stop` is set first."""
    outage = OutageLog()
    while not stop.is_set():
        missing = await check()
        if not missing:
            outage.recovered()
            return True
        outage.down(missing)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), POLL_SECONDS)
    return False


async def _bucket_error(bucket: ResultsBucket) -> str:
    try:
        await bucket.list("_", "")
    except StageError as failure:
        return failure.why
    return ""


def _required_topics(stages: Sequence[Stage]) -> set[str]:
    """Return every topic that these stages read or write."""
    own = {topic.name for stage in stages for topic in (*stage.inputs, topics.dead_letters(stage.name))}
    own |= {topics.SLOTS.name for stage in stages if stage.job}
    own |= {topic.name for stage in stages for topic in (*stage.follows, *stage.emits)}
    return (
        own
        | {topics.SCHEMAS.name, topics.WORKERS.name, topics.LOSSES.name}
        | {each.writes.name for each in stages if each.writes}
    )


def _missing_topics(required: set[str], cluster: KafkaSettings) -> str:
    try:
        existing = clients.partition_counts(clients.admin(cluster), timeout=5)
    except KafkaException:
        return clients.unreachable_message(cluster)
    missing = sorted(required - existing.keys())
    return f'topics missing: {", ".join(missing)}. Run "headrace topics apply".' if missing else ""
