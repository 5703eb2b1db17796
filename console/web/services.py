"""What pages depend on. Tests replace single functions."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from headrace.console.check_runner import CheckResult
from headrace.console.kafka.admin import KafkaAdmin
from headrace.console.media.objects import MediaObjects
from headrace.console.views.database import Views
from headrace.console.views.queries.history import Connect
from headrace.console.views.status import ViewsStatus
from headrace.console.web.background import BackgroundRuns
from headrace.console.web.pipeline_monitor import PipelineReading
from headrace.console.web.slow_value import Dated
from headrace.schemas.kafka.settings import KafkaSettings
from headrace.streams.stage import Stage


@dataclass(frozen=True, slots=True)
class ConsoleServices:
    """The services behind the pages.

    `views` and `connect` raise `UnavailableError` while the views cannot be read, and functions that ask Kafka raise
    `KafkaException`.
    """

    kafka: KafkaSettings
    views: Callable[[], Views]
    connect: Connect
    stages: Callable[[], Sequence[Stage]]
    cluster: Callable[[], KafkaAdmin]
    objects: MediaObjects
    pipeline: Callable[[], PipelineReading]
    """Raises `KafkaException`."""
    checks: Callable[[], Dated[tuple[CheckResult, ...]] | None]
    """The last results of `headrace doctor`; None until the first run has ended."""
    views_status: Callable[[], ViewsStatus]
    daily_budget: Callable[[], float | None] = lambda: None
    """US dollars."""
    runs: BackgroundRuns = field(default_factory=BackgroundRuns)
    read_only: bool = False
    media_origins: tuple[str, ...] = ()
    """Origins other than the console from which browsers load media, such as `https://media.s3.amazonaws.com`."""
    now: Callable[[], float] = time.time
