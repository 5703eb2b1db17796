"""A real cluster for the session: the broker, the local AWS and the AI endpoint, started once and ended with it."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest

from headrace.console.errors import CommandError
from headrace.console.kafka.admin import KafkaAdmin
from headrace.console.kafka.consumer_groups import ConsumerGroups
from headrace.sandbox.cluster import cluster
from headrace.sandbox.cluster.environment import variables
from headrace.schemas import topics
from headrace.schemas.kafka import clients
from headrace.schemas.kafka.settings import KafkaSettings
from headrace.schemas.serde import catalog
from headrace.schemas.serde.schema_topic import publish_schemas
from headrace.streams import pipeline
from headrace.streams.stage import Stage
from tests.support.emulators import EMULATORS, moto_cluster, on_emulator
from tests.support.isolation import own_folder, use_cluster
from tests.support.process import wait_for

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests of this folder."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.system)


@pytest.fixture(scope="session")
def sandbox_folder() -> Iterator[Path]:
    """Where the session's cluster keeps its data."""
    folder = Path(tempfile.mkdtemp(prefix="", dir=own_folder()))
    yield folder
    cluster.down(folder)
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def cluster_env(sandbox_folder: Path) -> dict[str, str]:
    """The variables of a cluster with all topics and schemas, for this process and its children."""
    found = variables(cluster.up(sandbox_folder))
    use_cluster(found)
    _prepare(found)
    return found


@contextmanager
def separate_cluster(folder: Path) -> Iterator[dict[str, str]]:
    """Run a cluster with all topics and schemas, for tests that count every record. This process has its variables."""
    with _running_cluster(folder) as found, pytest.MonkeyPatch.context() as patch:
        for name, value in found.items():
            patch.setenv(name, value)
        yield found


@contextmanager
def _running_cluster(folder: Path) -> Iterator[dict[str, str]]:
    try:
        found = variables(cluster.up(folder))
        _prepare(found)
        yield found
    finally:
        cluster.down(folder)


def _prepare(found: dict[str, str]) -> None:
    settings = KafkaSettings(bootstrap_servers=found["HEADRACE_BOOTSTRAP_SERVERS"])
    names = (stage.name for stage in pipeline.stages())
    clients.create_topics(clients.admin(settings), topics.table(names), settings.replication_factor)
    publish_schemas(clients.producer(settings), catalog.versions())


@pytest.fixture(scope="session")
def moto_env(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The variables of moto and a broker of its own: each emulator sees the same names of objects."""
    folder = own_folder() / "moto"
    with _running_cluster(folder) as cluster, moto_cluster(cluster, tmp_path_factory.mktemp("moto")) as found:
        yield found


@pytest.fixture(params=EMULATORS)
def cloud_env(request: pytest.FixtureRequest) -> Iterator[dict[str, str]]:
    """The variables of the cluster with each emulator; this process has them during the test."""
    with on_emulator(request) as found:
        yield found


@pytest.fixture(scope="module")
def no_backlog(cluster_env: dict[str, str]) -> None:
    """Move every stage past the records of other tests, which its worker would process first."""
    skip_backlog(cluster_env)


def skip_backlog(cluster_env: dict[str, str]) -> None:
    """Move every stage to the end of its topics."""
    settings = KafkaSettings(bootstrap_servers=cluster_env["HEADRACE_BOOTSTRAP_SERVERS"])
    log, groups = KafkaAdmin(settings), ConsumerGroups(settings)

    def skip(stage: Stage) -> bool:
        spans = log.spans([topic.name for topic in stage.inputs])
        try:
            groups.move(stage.group, {place: span.high for place, span in spans.items()})
        except CommandError:  # a worker that another test has killed is still a member
            return False
        return True

    for stage in pipeline.stages():
        wait_for(partial(skip, stage), f"{stage.group} to be without members")
