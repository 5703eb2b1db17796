"""Create the services of the console for the cluster that the environment names."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache, partial

from headrace.connectors.aws.client import AwsSession
from headrace.console import doctor
from headrace.console.assets.read_service import ReadService
from headrace.console.assets.stage_status import PipelineStatus
from headrace.console.check_runner import CheckResult, run_checks
from headrace.console.errors import UnavailableError
from headrace.console.kafka.admin import KafkaAdmin
from headrace.console.kafka.log_reader import LogReader
from headrace.console.media.objects import MediaObjects
from headrace.console.routing.stages import load_stages
from headrace.console.views import status as views_status
from headrace.console.views.current import CurrentViews
from headrace.console.views.locations import location
from headrace.console.views.queries.history import Connect
from headrace.console.views.queries.operations import worker_reports
from headrace.console.views.service import ViewsService
from headrace.console.views.settings import ViewsSettings
from headrace.console.web.cached import cached_for
from headrace.console.web.pipeline_monitor import PipelineMonitor
from headrace.console.web.services import ConsoleServices
from headrace.console.web.settings import WebConsoleSettings
from headrace.console.web.slow_value import SlowValue
from headrace.schemas.kafka.settings import KafkaSettings
from headrace.schemas.settings import load
from headrace.streams import pipeline
from headrace.streams.stage import Stage

STAGES_SECONDS = 30.0
CHECKS_SECONDS = 30.0


def connect_services(settings: WebConsoleSettings) -> ConsoleServices:
    """Create the services. Nothing is read before the first request."""
    place, kafka, aws = location(load(ViewsSettings)), load(KafkaSettings), AwsSession()
    current = CurrentViews(place)
    stages = cached_for(STAGES_SECONDS, partial(load_stages))
    monitor = PipelineMonitor(partial(_status, kafka, stages, current.connect))
    return ConsoleServices(
        kafka=kafka,
        views=current.views,
        connect=current.connect,
        stages=stages,
        cluster=cache(partial(KafkaAdmin, kafka)),
        objects=MediaObjects(aws),
        pipeline=monitor.current,
        checks=SlowValue(partial(_checks, stages, aws), CHECKS_SECONDS).last,
        views_status=lambda: views_status.read(ViewsService(place, kafka, stages())),
        daily_budget=cached_for(STAGES_SECONDS, lambda: pipeline.load_config().budget.day),
        read_only=settings.read_only,
        media_origins=settings.media_origins,
    )


def _status(kafka: KafkaSettings, stages: Callable[[], Sequence[Stage]], connect: Connect) -> PipelineStatus:
    """Read the state of the pipeline. Without views, the reports of workers are left out."""
    try:
        with connect() as connection:
            reports = worker_reports(connection)
    except UnavailableError:
        reports = []
    return ReadService(LogReader(kafka), stages()).status(reports)


def _checks(stages: Callable[[], Sequence[Stage]], aws: AwsSession) -> tuple[CheckResult, ...]:
    return tuple(run_checks(doctor.checks(stages, aws)))
