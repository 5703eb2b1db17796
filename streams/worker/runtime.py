"""Wire up what the stages of a process share. The only module that chooses implementations."""

from __future__ import annotations

import asyncio
import os
import socket
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from headrace.schemas import topics
from headrace.schemas.http_calls import HttpCalls
from headrace.schemas.kafka import clients
from headrace.schemas.kafka.producer import AsyncProducer
from headrace.schemas.kafka.settings import KafkaSettings
from headrace.schemas.kafka.topic_follower import TopicFollower
from headrace.schemas.serde import catalog, registry
from headrace.schemas.serde.codec import Codec, RegistryUnavailableError, SchemaNotRegisteredError
from headrace.schemas.serde.schema_topic import follow_schemas, publish_missing_schemas
from headrace.schemas.tracing.tracer import NoTracing, Tracer
from headrace.streams.aws import services as aws_services
from headrace.streams.aws.client import AwsClient
from headrace.streams.aws.s3 import S3Bucket
from headrace.streams.aws.sdk_calls import SdkCalls
from headrace.streams.costs.daily_budget import DailyBudget
from headrace.streams.engine.context import RunnerContext
from headrace.streams.engine.headers import due_at
from headrace.streams.engine.ports import CreateHost, StageHost
from headrace.streams.engine.processor import Processor
from headrace.streams.engine.record_spans import traced
from headrace.streams.engine.scheduler import KeyedScheduler, RecordHandler
from headrace.streams.kafka.faust_app import create_host as create_faust_host
from headrace.streams.limits import job_quotas
from headrace.streams.limits.job_quotas import JobQuotas
from headrace.streams.limits.live_workers import LiveWorkers
from headrace.streams.limits.queued_slots import Claimant, QueuedSlots
from headrace.streams.limits.rate_limits import RateLimits
from headrace.streams.limits.slot_queue import SlotQueue
from headrace.streams.limits.slot_view import SlotView
from headrace.streams.pipeline import Deployment
from headrace.streams.results import ResultsStore
from headrace.streams.reuse.reuse import ReuseResources
from headrace.streams.reuse.waiting import ResultWaiters, followed_topics
from headrace.streams.settings import StreamSettings, result_settings
from headrace.streams.stage import Stage
from headrace.streams.worker.loss_reporter import LossReporter
from headrace.streams.worker.machine_stages import MACHINE_STAGES, MachineResources, MachineStages
from headrace.streams.worker.rate_shares import rate_shares
from headrace.streams.worker.spending_log import SpendingLog
from headrace.streams.worker.status_reports import StageState, StatusReporter

RECENT_SECONDS = 60.0
"""Completed jobs are read from so long before the start; earlier ones have freed their slots on `system.slots`."""


@dataclass(frozen=True, slots=True)
class HostedStage:
    """One stage of this process."""

    stage: Stage
    processor: Processor
    scheduler: KeyedScheduler
    host: StageHost


class WorkerRuntime:
    """The shared connections of one process. Kafka and its topics must exist."""

    def __init__(
        self,
        stages: Sequence[Stage],
        deployment: Deployment,
        settings: StreamSettings,
        cluster: KafkaSettings,
        create_host: CreateHost = create_faust_host,
        http: HttpCalls | None = None,
        tracer: Tracer | None = None,
    ) -> None:
        self._create_host = create_host
        self._http = http
        self.tracer = tracer or NoTracing()
        self._settings = settings
        self._cluster = cluster
        self._counts = clients.partition_counts(clients.admin(cluster))
        self._schedulers: dict[str, KeyedScheduler] = {}
        shares = rate_shares(stages, settings.rates, self._share)
        self._aws = AwsClient(settings.aws_threads, RateLimits(settings.rates, shares))
        self._producer = AsyncProducer(clients.producer(cluster))
        self.bucket = S3Bucket(self._aws, settings.results_bucket)
        codec = registry.create_codec(cluster)
        worker = f"{socket.gethostname()}-{os.getpid()}"
        # Stages that other workers host share the quotas too.
        prices, budget = deployment.prices, deployment.budget
        view, slots = self._job_slots(worker, job_quotas.quotas(deployment.stages, settings.slots, prices.region))
        services = aws_services.build_services(self._aws, self.bucket, settings, prices)
        day = DailyBudget(budget.day, codec, prices) if budget.day is not None else None
        results = ResultsStore(self.bucket)
        waiters = ResultWaiters(stages, max(1, settings.in_flight // 2))
        reuse = ReuseResources(self.bucket, waiters, result_settings(settings))
        self._context = RunnerContext(
            codec, results, services, slots, prices, budget=budget, day=day, reuse=reuse, tracer=self.tracer
        )
        self._waiters = waiters
        self._reports = StatusReporter(self._producer, worker, self._context.clock)
        self._losses = LossReporter(self._producer, self._context.clock)
        self.followers = [follow_schemas(cluster, codec)]
        self._machines = None
        if any(stage.name in MACHINE_STAGES for stage in stages):
            self._machines = self._machine_stages(deployment, codec)
            self.followers.append(self._machines.follower)
        if any(stage.job for stage in stages):
            self.followers += _slot_followers(cluster, view, codec)
        if followed := followed_topics(stages):
            self.followers.append(TopicFollower(cluster, followed, waiters.take, time.time()))
        self._spending: SpendingLog | None = None
        if day is not None and any(stage.paid_operations for stage in stages):
            self._spending = SpendingLog(cluster, day, deployment.stages, self._context.clock)
            self.followers.append(self._spending.follower)

    def _machine_stages(self, deployment: Deployment, codec: Codec) -> MachineStages:
        return MachineStages(
            MachineResources(
                self._cluster,
                codec,
                self.bucket,
                self._producer,
                SdkCalls(self._aws),
                self._settings.task_actions,
                deployment.stages,
                self._http,
            )
        )

    def _job_slots(self, worker: str, quotas: JobQuotas) -> tuple[SlotView, QueuedSlots]:
        name, most_waiting = f"{worker}-{uuid.uuid4().hex[:8]}", max(1, self._settings.in_flight // 2)
        workers = LiveWorkers(name, self._settings.session_seconds)
        view = SlotView(SlotQueue(quotas), workers)
        return view, QueuedSlots(view, self._producer, Claimant(name, workers.interval, most_waiting))

    def start(self) -> None:
        """Publish missing schemas, and start to read published schemas, running jobs and today's spending. Blocks.

        No stage may start before `catching_up` returns nothing: until then its limits are unknown.

        Raises:
            RegistryUnavailableError: the schema registry does not respond.
            SchemaNotRegisteredError: the schema registry lacks a schema.
        """
        self._context.codec.load_schema_ids()
        publish_missing_schemas(self._cluster, catalog.versions())
        for follower in self.followers:
            follower.start(0.0)

    async def write_snapshots(self) -> None:
        """Write snapshots of the day's spending until cancelled, if there is a daily budget."""
        if self._spending is not None:
            await self._spending.write_snapshots(self._producer)

    def catching_up(self) -> str:
        """Return the topics that are not read to their ends yet; empty when all are."""
        unread = [follower for follower in self.followers if not follower.caught_up]
        return "; ".join(follower.problem() or f"reading {follower.name}" for follower in unread)

    def registry_error(self) -> str:
        """Return why the schema registry cannot be used; empty when it can. Blocks."""
        try:
            self._context.codec.load_schema_ids()
        except (RegistryUnavailableError, SchemaNotRegisteredError) as error:
            return str(error)
        return ""

    def stop(self) -> None:
        """Flush the producer and close every connection. Blocks."""
        self._producer.close(self._settings.drain_seconds)
        for follower in self.followers:
            follower.stop()
        self._aws.close()
        self.tracer.close()

    def copartitioning_error(self, stage: Stage) -> str:
        """Return why an ordered stage cannot keep its order on this cluster; empty when it can."""
        counts = {each.name: self._counts[each.name] for each in stage.copartitioned}
        if len(set(counts.values())) <= 1:
            return ""
        partitions = ", ".join(f"{name} has {count}" for name, count in counts.items())
        return f"stage {stage.name} is ordered, so its topics need the same number of partitions: {partitions}"

    def host(self, stage: Stage) -> HostedStage:
        """Build the processor, scheduler and host of one stage."""
        if self._machines is not None:
            stage = self._machines.bind(stage)
        processor = Processor(stage, self._context, self._producer, partial(self._paused, stage))
        lost = partial(self._losses.report, stage.name)
        work = RecordHandler(processor.process, processor.on_deadline, due_at, lost, self._is_waiting)
        if self._machines is not None:
            work = self._machines.observed(stage, work)
        work = traced(stage.name, work, self.tracer)
        settings = self._settings
        limits = settings.in_flight, settings.buffer_bytes, stage.deadline_seconds
        scheduler = KeyedScheduler(work, *limits, stage.ordered)
        self._schedulers[stage.name] = scheduler
        if self._machines is not None:
            self._machines.scheduled_by(stage, scheduler)
        return HostedStage(stage, processor, scheduler, self._create_host(stage, scheduler, settings, self._cluster))

    async def report(self, stage: Stage, state: StageState, why: str = "") -> None:
        """Report the state of a stage on `system.workers`."""
        await self._reports.send(stage.name, state, why)

    def _is_waiting(self, task: asyncio.Task[None]) -> bool:
        return self._context.slots.is_waiting(task) or self._waiters.is_waiting(task)

    def _paused(self, stage: Stage, why: str) -> None:
        self._reports.report_soon(stage.name, "paused" if why else "working", why)

    def _share(self, stage: Stage) -> float:
        """Return the share of a stage's partitions that this process owns, by its first topic."""
        scheduler, topic = self._schedulers.get(stage.name), stage.reads[0].name
        return scheduler.stats.owned_partitions(topic) / self._counts[topic] if scheduler else 0.0


def _slot_followers(cluster: KafkaSettings, view: SlotView, codec: Codec) -> list[TopicFollower]:
    finished, since = partial(view.take_finished, codec=codec), time.time() - RECENT_SECONDS
    return [
        TopicFollower(cluster, (topics.JOBS_FINISHED,), finished, since, retry_on=(RegistryUnavailableError,)),
        TopicFollower(cluster, (topics.SLOTS,), view.take),
    ]
