"""Workers of the previous and of the present version share consumer groups, through an upgrade and back."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from headrace.schemas import topics
from headrace.schemas.kafka import clients
from headrace.schemas.kafka.settings import KafkaSettings
from headrace.schemas.serde import codec
from headrace.streams import pipeline
from headrace.streams.pipeline_config import PipelineConfig
from tests.chaos.support.observer import read_back
from tests.support.isolation import own_folder
from tests.support.previous_version import DATA, PreviousVersion, previous_version
from tests.support.process import Headrace, run, wait_for
from tests.support.two_versions import SECONDS, STAGE, TwoVersions, finished
from tests.system.conftest import separate_cluster

pytestmark = pytest.mark.timeout(1800)
PUT_SECONDS = 10.0
WORKER = ("worker", "--all", "--json-logs")
CALLS = {"DetectLabels": 1, "DetectModerationLabels": 1}
JOBS = {"StartLabelDetection": 1, "StartContentModeration": 1}
"""The paid calls for an image, and the jobs for a video."""


@pytest.fixture(scope="module")
def previous() -> PreviousVersion:
    return previous_version()


@pytest.fixture(scope="module")
def environment() -> Iterator[dict[str, str]]:
    """The variables of a cluster that no other test uses: both versions account for every record."""
    with separate_cluster(own_folder() / "upgrade") as found:
        yield found


@pytest.fixture
def cluster(environment: dict[str, str], previous: PreviousVersion, tmp_path: Path) -> TwoVersions:
    stages = pipeline.stages(PipelineConfig({"machines": {"on": True}}))
    settings = KafkaSettings(bootstrap_servers=environment["HEADRACE_BOOTSTRAP_SERVERS"])
    clients.create_topics(clients.admin(settings), topics.table(stage.name for stage in stages), 1)
    return TwoVersions({**environment, "HEADRACE_PIPELINE": str(DATA / "pipeline.toml")}, previous, tmp_path)


def test_previous_version_runs_its_own_code(previous: PreviousVersion, environment: dict[str, str]) -> None:
    """If it ran the present code, the other tests would compare a version with itself."""
    help_text = previous.run(environment, "rules", "--help").stdout
    assert "Manage rules" in help_text
    assert " try " not in help_text
    assert " try " in run(environment, "rules", "--help").stdout


def test_group_moves_to_the_present_version_and_back_under_load(cluster: TwoVersions) -> None:
    with ExitStack() as stack:
        start = stack.enter_context
        old_bridge, first = start(cluster.old("bridge")), start(cluster.old(*WORKER))
        cluster.put_files()
        cluster.start_executions()
        second = start(cluster.new(*WORKER))
        cluster.wait_for_members(2)
        put_until_both_work(cluster, first, second)

        cluster.put_files()
        assert first.stop() == 0
        new_bridge = start(cluster.new("bridge"))
        assert old_bridge.stop() == 0
        cluster.put_files()
        cluster.start_executions()
        cluster.wait_for_members(1)

        third = start(cluster.old(*WORKER))
        cluster.wait_for_members(2)
        cluster.put_files()
        assert second.stop() == 0
        cluster.put_files()
        wait_for(lambda: finished(third, cluster.prefix), "the previous version to work again", SECONDS)
        found = cluster.all_end()
        cluster.all_succeed()
        assert third.stop() == 0
        assert new_bridge.stop() == 0

    assert {str(fact.status) for version in found for fact in version.stages.values()} == {"done"}
    assert {name: cluster.calls(name) for name in cluster.images} == dict.fromkeys(cluster.images, CALLS)
    assert {name: cluster.calls(name) for name in cluster.videos} == dict.fromkeys(cluster.videos, JOBS)
    assert_in_order(cluster)
    assert_accounted(cluster)


def put_until_both_work(cluster: TwoVersions, *workers: Headrace) -> None:
    """Put files until each worker has finished one: the key of a file decides which of them gets it."""
    put_at = float("-inf")

    def both_work() -> bool:
        nonlocal put_at
        if time.monotonic() - put_at > PUT_SECONDS:
            cluster.put_files()
            put_at = time.monotonic()
        return all(finished(worker, cluster.prefix) for worker in workers)

    wait_for(both_work, "both to work", SECONDS)


def assert_in_order(cluster: TwoVersions) -> None:
    """Check that no result of an older version of an object follows one of a newer version."""
    decode = codec.load().decode
    records = read_back(cluster.settings, (topics.UPLOADED.name, topics.LABELLED.name))
    for topic in (topics.UPLOADED.name, topics.LABELLED.name):
        events: list[Any] = [decode(each.value) for each in records if each.topic == topic and each.key]
        order = [each.asset.sequencer for each in events if each.asset.key == cluster.rewritten]
        assert order == sorted(order)
        assert len(set(order)) == cluster.versions_put or topic == topics.LABELLED.name


def assert_accounted(cluster: TwoVersions) -> None:
    """Check that both versions count each record once since the start, whichever of them has committed its offset."""
    for found in (
        run(cluster.environment, "audit", "check", "--json"),
        cluster.previous.run(cluster.environment, "audit", "check", "--json"),
    ):
        assert found.returncode == 0, found.stdout + found.stderr
        accounts = json.loads(found.stdout)["accounts"]
        [account] = [each for each in accounts if (each["stage"], each["topic"]) == (STAGE, topics.READY.name)]
        assert account["accepted"] == cluster.arrived()
        assert account["accepted"] == account["done"] + account["superseded"]


def test_views_that_the_previous_version_has_built_are_those_of_the_present_one(cluster: TwoVersions) -> None:
    """A change of the fold without another number of the schema would mix rows of both versions."""
    views = {**cluster.environment, "HEADRACE_VIEWS": str(cluster.folder / "views")}
    built = cluster.previous.run(views, "views", "rebuild")
    assert built.returncode == 0, built.stderr
    verified = run(views, "views", "verify", "--all")
    if "builds them anew" in verified.stderr:
        assert run(views, "views", "rebuild").returncode == 0
        verified = run(views, "views", "verify", "--all")
        assert "builds them anew" in cluster.previous.run(views, "views", "status").stderr
    assert verified.returncode == 0, verified.stdout + verified.stderr
