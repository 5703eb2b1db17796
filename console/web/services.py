"""What pages depend on. Tests replace single functions."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from headrace.console.check_runner import CheckResult
from headrace.console.kafka.admin import KafkaAdmin
from headrace.console.machines.port import MachineServices
from headrace.console.machines.redrive_runs import RedriveRuns
from headrace.console.media.objects import MediaObjects
from headrace.console.views.database import Views
from headrace.console.views.queries.history import Connect
from headrace.console.views.status import ViewsStatus
from headrace.console.web.background import BackgroundRuns
from headrace.console.web.background_value import Latest
from headrace.console.web.pipeline_monitor import PipelineReading, ViewFigures
from headrace.console.web.slot_monitor import SlotUse
from headrace.schemas.kafka.settings import KafkaSettings
from headrace.streams.stage import Stage


class BackgroundReader(Protocol):
    """Reads in a thread of its own."""

    def start(self) -> None:
        """Begin to read."""

    def stop(self) -> None:
        """Read no more."""


@dataclass(frozen=True, slots=True)
class ConsoleServices:
    """The services behind the pages.

    `views` and `connect` raise `UnavailableError` while the views cannot be read, and `cluster` while Kafka does not
    answer. Functions that return `Latest` never wait.
    """

    kafka: KafkaSettings
    views: Callable[[], Views]
    connect: Connect
    stages: Callable[[], Sequence[Stage]]
    cluster: Callable[[], KafkaAdmin]
    objects: MediaObjects
    pipeline: Callable[[], Latest[PipelineReading]]
    figures: Callable[[], Latest[ViewFigures]]
    checks: Callable[[], Latest[tuple[CheckResult, ...]]]
    """The last results of `headrace doctor`."""
    views_status: Callable[[], Latest[ViewsStatus]]
    machines: Callable[[], MachineServices]
    """Raises `MachineTopicsMissingError` if Kafka lacks the topics of state machines."""
    daily_budget: Callable[[], float | None] = lambda: None
    """US dollars."""
    slots: Callable[[], Mapping[str, SlotUse]] = dict
    """The use of the job slots of each stage with a quota; never waits, and is empty until it is known."""
    background: Sequence[BackgroundReader] = ()
    """What is read from the start of the console to its end."""
    runs: BackgroundRuns = field(default_factory=BackgroundRuns)
    machine_redrives: RedriveRuns = field(default_factory=RedriveRuns)
    read_only: bool = False
    media_origins: tuple[str, ...] = ()
    """Origins other than the console from which browsers load media, such as `https://media.s3.amazonaws.com`."""
    now: Callable[[], float] = time.time
    close: Callable[[], None] = lambda: None
    """Closes what the services have opened."""
