"""The console on the views of a few events, without Kafka."""

from __future__ import annotations

from collections.abc import Callable, Iterator, MutableMapping, Sequence
from contextlib import ExitStack
from typing import Any

import pytest
from starlette.testclient import TestClient
from structlog.testing import capture_logs

from headrace.connectors.aws.client import AwsSession
from headrace.console.assets.stage_status import PipelineStatus, StageStatus
from headrace.console.check_runner import CheckResult
from headrace.console.kafka.entry import LogEntry
from headrace.console.media.objects import MediaObjects
from headrace.console.views.status import ExpiredRange, TopicLag, ViewsStatus
from headrace.console.web.access.control import AccessControl, everyone_is
from headrace.console.web.access.cookies import CookieJar
from headrace.console.web.access.signing import Signer
from headrace.console.web.access.users import UserRole
from headrace.console.web.app import create_app
from headrace.console.web.background_value import Latest
from headrace.console.web.page_table import PAGES
from headrace.console.web.pipeline_monitor import PipelineReading, read_figures
from headrace.console.web.services import ConsoleServices
from headrace.schemas.kafka.settings import KafkaSettings
from headrace.streams import pipeline
from tests.support import records
from tests.support.records import NOW
from tests.unit.console.asset_history import completed, entry, labelled
from tests.unit.console.views.queries.folded import FoldedViews
from tests.unit.console.views.queries.test_history import at_offsets

ORIGIN = "http://127.0.0.1:8088"
CAT, DOG = records.asset(), records.asset("photos/dog.jpg")
EVENTS = [
    entry(records.uploaded(CAT)),
    entry(labelled(CAT, 0.1), 1, stage="labels"),
    entry(completed(CAT), 2, stage="completed"),
    entry(records.uploaded(DOG), 3),
]

LABELS = StageStatus("labels", "headrace.labels", 2, 1_234, 61.0, 7, 90_000, 9, 3, ("w1: throttled",), 4)
PROBE = StageStatus("probe", "headrace.probe", 0, 5, 2.0, 0, 10, 0, 0)
READING = PipelineReading(PipelineStatus(("kafka:9092",), (LABELS, PROBE), ()), NOW.timestamp(), {"labels": 12.25})
CHECKS = (
    CheckResult("broker", True, "kafka:9092"),
    CheckResult("topics", False, "topics missing: a", "headrace topics apply"),
    CheckResult("clamd", None, "not set"),
)
VIEWS_STATUS = ViewsStatus(
    "views", 12, 90.0, (TopicLag("media.ready", 100, 12, 1),), (), (ExpiredRange("media.ready", 0, 3, 9, 0.0),)
)

ClientAs = Callable[[UserRole], TestClient]


def no_views() -> None:
    raise AssertionError("a test of a page with these views replaces them")


def fake_services(entries: Sequence[LogEntry] = EVENTS) -> ConsoleServices:
    """Return services on the views of some entries."""
    at, connect = NOW.timestamp(), FoldedViews(at_offsets([*entries])).connect
    return ConsoleServices(
        kafka=KafkaSettings(bootstrap_servers="127.0.0.1:1"),
        views=no_views,  # type: ignore[arg-type]
        connect=connect,
        stages=pipeline.stages,
        cluster=no_views,  # type: ignore[arg-type]
        objects=MediaObjects(AwsSession()),
        pipeline=lambda: Latest(READING, at),
        figures=lambda: Latest(read_figures(connect, at), at),
        checks=lambda: Latest(CHECKS, at),
        views_status=lambda: Latest(VIEWS_STATUS, at),
        machines=no_views,  # type: ignore[arg-type]
        daily_budget=lambda: 5.0,
        now=NOW.timestamp,
    )


def control(role: UserRole = UserRole.ADMIN) -> AccessControl:
    """Return access for everyone as one user."""
    return AccessControl(CookieJar(Signer(b"s" * 32)), (everyone_is("ann", role),))


@pytest.fixture(autouse=True)
def logged() -> Iterator[list[MutableMapping[str, Any]]]:
    """The log of a test."""
    with capture_logs() as lines:
        yield lines


@pytest.fixture
def services() -> ConsoleServices:
    """Services on the views of a few events."""
    return fake_services()


@pytest.fixture
def client_as(services: ConsoleServices) -> Iterator[ClientAs]:
    """Return clients of a role."""
    with ExitStack() as stack:

        def client(role: UserRole) -> TestClient:
            app = create_app(services, control(role), PAGES)
            return stack.enter_context(TestClient(app, ORIGIN, follow_redirects=False))

        yield client


@pytest.fixture
def client(client_as: ClientAs) -> TestClient:
    """A client of an administrator."""
    return client_as(UserRole.ADMIN)
