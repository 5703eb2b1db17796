"""Create the services of the console for the cluster that the environment names."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from functools import partial

from headrace.connectors.aws.client import AwsSession
from headrace.console import doctor
from headrace.console.assets.read_service import ReadService
from headrace.console.assets.stage_status import PipelineStatus
from headrace.console.check_runner import CheckResult, run_checks
from headrace.console.kafka.log_reader import LogReader
from headrace.console.kafka.renewed_client import RenewedClient
from headrace.console.machines.connect import machine_services
from headrace.console.machines.port import MachineServices
from headrace.console.machines.settings import MachineApiSettings
from headrace.console.media.objects import MediaObjects
from headrace.console.routing.stages import load_stages
from headrace.console.views import status as views_status
from headrace.console.views.current import CurrentViews
from headrace.console.views.locations import location
from headrace.console.views.service import ViewsService
from headrace.console.views.settings import ViewsSettings
from headrace.console.web.background_value import BackgroundValue, Latest, ReadSchedule
from headrace.console.web.cached import cached_for
from headrace.console.web.machine_connection import MachineConnection
from headrace.console.web.pipeline_monitor import PipelineMonitor, ViewFigures, read_figures
from headrace.console.web.prompt_cluster import PromptCluster
from headrace.console.web.prompt_views import PromptViews
from headrace.console.web.services import ConsoleServices
from headrace.console.web.settings import WebConsoleSettings
from headrace.console.web.slot_monitor import SlotMonitor
from headrace.schemas.kafka.settings import KafkaSettings
from headrace.schemas.settings import load
from headrace.streams import pipeline
from headrace.streams.costs.prices import load_price_list
from headrace.streams.limits.job_quotas import JobQuotas, quotas
from headrace.streams.settings import StreamSettings
from headrace.streams.stage import Stage

LIVE_SECONDS = 0.5
IDLE_SECONDS = 10.0
VIEWS_SECONDS = 5.0
SLOW_SECONDS = 30.0


def connect_services(settings: WebConsoleSettings) -> ConsoleServices:
    """Create the services. Nothing is read before the console starts.

    Raises:
        SettingsError: the pipeline file or another setting is invalid.
    """
    place, kafka, aws = location(load(ViewsSettings)), load(KafkaSettings), AwsSession()
    current = CurrentViews(place)
    no_kafka = f"Kafka at {kafka.bootstrap_servers} does not answer"
    no_views = f"the views in {place.name} do not answer"
    loaded = BackgroundValue(load_stages, ReadSchedule(SLOW_SECONDS, SLOW_SECONDS, no_kafka))
    without_rules = pipeline.stages()

    def stages() -> Sequence[Stage]:
        return loaded.latest().value or without_rules

    figures = BackgroundValue(
        lambda: read_figures(current.connect, time.time()), ReadSchedule(LIVE_SECONDS, IDLE_SECONDS, no_views)
    )
    prompt = PromptViews(current, figures.latest)
    log = RenewedClient(partial(LogReader, kafka, keeps_connections=True))
    monitor = PipelineMonitor(lambda: _status(log, stages(), figures.latest()))
    reading = BackgroundValue(monitor.read, ReadSchedule(LIVE_SECONDS, IDLE_SECONDS, no_kafka))
    checks = BackgroundValue(partial(_checks, stages, aws), ReadSchedule(SLOW_SECONDS, None, "the checks do not end"))
    views = BackgroundValue(
        lambda: views_status.read(ViewsService(place, kafka, stages())), ReadSchedule(VIEWS_SECONDS, None, no_kafka)
    )
    cluster = PromptCluster(kafka, reading.latest).connect

    def open_machines() -> AbstractContextManager[MachineServices]:
        cluster()
        return machine_services(load(MachineApiSettings))

    machines = MachineConnection(open_machines)
    slots = SlotMonitor(kafka, _quotas(without_rules))
    return ConsoleServices(
        kafka=kafka,
        views=prompt.views,
        connect=prompt.connect,
        stages=stages,
        cluster=cluster,
        objects=MediaObjects(aws),
        pipeline=reading.latest,
        figures=figures.latest,
        checks=checks.latest,
        views_status=views.latest,
        machines=machines.services,
        daily_budget=cached_for(SLOW_SECONDS, lambda: pipeline.load_config().budget.day),
        slots=slots.use,
        background=(loaded, figures, reading, slots),
        read_only=settings.read_only,
        media_origins=settings.media_origins,
        close=machines.close,
    )


def _quotas(stages: Sequence[Stage]) -> JobQuotas:
    """Return the quotas of jobs. The console needs no other setting of workers, such as the results bucket."""
    own = load(StreamSettings, results_bucket="none").slots
    return quotas(stages, own, load_price_list().region)


def _status(log: RenewedClient[LogReader], stages: Sequence[Stage], figures: Latest[ViewFigures]) -> PipelineStatus:
    """Read the state of the pipeline. Without views, the reports of workers are left out."""
    with log.use() as reader:
        return ReadService(reader, stages).status(figures.value.reports if figures.value else ())


def _checks(stages: Callable[[], Sequence[Stage]], aws: AwsSession) -> tuple[CheckResult, ...]:
    return tuple(run_checks(doctor.checks(stages, aws)))
