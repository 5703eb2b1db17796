"""What all stages of a process share, wired up: the one place that knows which vendor does what."""

from __future__ import annotations

import os
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from headrace.schemas import topics
from headrace.schemas.kafka import clients
from headrace.schemas.kafka.producer import AsyncProducer
from headrace.schemas.kafka.settings import KafkaSettings
from headrace.schemas.kafka.topic_follower import TopicFollower
from headrace.schemas.serde import catalog, registry
from headrace.schemas.serde.codec import RegistryUnavailableError, SchemaNotRegisteredError
from headrace.schemas.serde.schema_topic import follow_schemas, publish_schemas
from headrace.streams import pipeline
from headrace.streams.aws import services as aws_services
from headrace.streams.aws.client import AwsClient
from headrace.streams.aws.s3 import S3Bucket
from headrace.streams.costs import daily_budget
from headrace.streams.costs.daily_budget import DailyBudget
from headrace.streams.engine.context import RunnerContext
from headrace.streams.engine.headers import due_at
from headrace.streams.engine.ports import CreateHost, StageHost
from headrace.streams.engine.processor import Processor
from headrace.streams.engine.scheduler import KeyedScheduler, RecordHandler
from headrace.streams.kafka.faust_app import create_host as create_faust_host
from headrace.streams.limits import job_quotas
from headrace.streams.limits.job_slots import JobEventHandler, JobSlots
from headrace.streams.limits.rate_limits import RateLimits
from headrace.streams.results import ResultsStore
from headrace.streams.settings import StreamSettings
from headrace.streams.stage import Stage
from headrace.streams.worker.status_reports import StageState, StatusReporter


@dataclass(frozen=True, slots=True)
class HostedStage:
    """One stage as it runs here."""

    stage: Stage
    processor: Processor
    scheduler: KeyedScheduler
    host: StageHost


class WorkerRuntime:
    """One process's connections. The cluster and its topics must be there."""

    def __init__(
        self,
        stages: Sequence[Stage],
        settings: StreamSettings,
        cluster: KafkaSettings,
        create_host: CreateHost = create_faust_host,
    ) -> None:
        self._create_host = create_host
        self._settings = settings
        self._cluster = cluster
        self._counts = clients.partition_counts(clients.admin(cluster))
        self._schedulers: dict[str, KeyedScheduler] = {}
        shares = {call: partial(self._share, stage) for stage in stages for call in stage.paid_operations}
        self._aws = AwsClient(settings.aws_threads, RateLimits(settings.rates, shares))
        self._sender = AsyncProducer(clients.producer(cluster))
        self.bucket = S3Bucket(self._aws, settings.results_bucket)
        book = registry.create_codec(cluster)
        partitions = self._counts[topics.READY.name]
        # Every stage of the pipeline has its share, also those that other workers host.
        slots = JobSlots(job_quotas.shares(pipeline.stages(), partitions, settings.slots), partitions)
        services = aws_services.build_services(self._aws, self.bucket, settings)
        budget = pipeline.choice().budget
        day = DailyBudget(budget.day, book) if budget.day is not None else None
        self._context = RunnerContext(book, ResultsStore(self.bucket), services, slots, budget=budget, day=day)
        self._reports = StatusReporter(self._sender, f"{socket.gethostname()}-{os.getpid()}", self._context.clock)
        self._followers = [follow_schemas(cluster, book)]
        if any(stage.job for stage in stages):
            jobs = (topics.JOBS_STARTED, topics.JOBS_FINISHED)
            self._followers.append(
                TopicFollower(cluster, jobs, JobEventHandler(slots, book).take, retry_on=(RegistryUnavailableError,))
            )
        if day is not None and any(stage.paid_operations for stage in stages):
            begin = daily_budget.start_of_day(pipeline.stages(), self._context.clock())
            wanted = daily_budget.followed_topics(pipeline.stages())
            self._followers.append(
                TopicFollower(cluster, wanted, day.take, begin, retry_on=(RegistryUnavailableError,))
            )

    def start(self) -> None:
        """Publish our schemas, then learn what others published, which jobs are at work, what is spent. Blocks.

        Raises `RegistryDown` or `NotRegistered` where there is a schema registry, and `unregistered` was not asked.
        """
        self._context.codec.load_schema_ids()
        publish_schemas(clients.producer(self._cluster), catalog.versions())
        for follower in self._followers:
            follower.start()

    def registry_error(self) -> str:
        """Say why records cannot be written as the schema registry wants; empty when they can. Blocks."""
        try:
            self._context.codec.load_schema_ids()
        except (RegistryUnavailableError, SchemaNotRegisteredError) as error:
            return str(error)
        return ""

    def stop(self) -> None:
        """Wait for what is being sent, and let everything go. Blocks."""
        self._sender.close(self._settings.drain_seconds)
        for follower in self._followers:
            follower.stop()
        self._aws.close()

    def copartitioning_error(self, stage: Stage) -> str:
        """Say why an ordered stage cannot keep its order on this cluster; empty where it can."""
        counts = {each.name: self._counts[each.name] for each in (*stage.reads, topics.retry(stage.name))}
        if not stage.ordered or len(set(counts.values())) == 1:
            return ""
        told = ", ".join(f"{name} has {count}" for name, count in counts.items())
        return f"stage {stage.name} is ordered, so its topics need the same number of partitions: {told}"

    def host(self, stage: Stage) -> HostedStage:
        """Build what runs one stage in this process."""
        processor = Processor(stage, self._context, self._sender, partial(self._paused, stage))
        work = RecordHandler(processor.process, processor.on_deadline, due_at)
        settings = self._settings
        limits = settings.in_flight, settings.buffer_bytes, stage.deadline_seconds
        scheduler = KeyedScheduler(work, *limits, stage.ordered)
        self._schedulers[stage.name] = scheduler
        return HostedStage(stage, processor, scheduler, self._create_host(stage, scheduler, settings, self._cluster))

    async def report(self, stage: Stage, state: StageState) -> None:
        """Tell everyone how a stage is here."""
        await self._reports.send(stage.name, state)

    def _paused(self, stage: Stage, why: str) -> None:
        self._reports.report_soon(stage.name, "paused" if why else "working", why)

    def _share(self, stage: Stage) -> float:
        """Say which share of a stage's work is done here: that of its first topic's partitions."""
        scheduler, topic = self._schedulers.get(stage.name), stage.reads[0].name
        return scheduler.stats.owned_partitions(topic) / self._counts[topic] if scheduler else 0.0
