"""Workers of the previous and of the present version share consumer groups, through an upgrade and back."""

from __future__ import annotations

import json
import uuid
from collections import Counter
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Any

import boto3
import pytest

from headrace.console.assets.projection import AssetVersion
from headrace.console.assets.read_service import connect
from headrace.console.routing.stages import load_stages
from headrace.sandbox.access.control import call_control
from headrace.sandbox.names import MEDIA_BUCKET
from headrace.schemas import topics
from headrace.schemas.kafka import clients
from headrace.schemas.kafka.settings import KafkaSettings
from headrace.schemas.serde import codec
from headrace.streams import pipeline
from tests.chaos.support.observer import read_back
from tests.support.previous_version import PreviousVersion, previous_version
from tests.support.process import Headrace, headrace, run, wait_for

pytestmark = pytest.mark.timeout(1800)
MEDIA = Path("sandbox/media")
SECONDS = 120.0
WORKER = ("worker", "--all", "--json-logs")
STAGE = "labels"
CALLS = {"DetectLabels": 1, "DetectModerationLabels": 1}
JOBS = {"StartLabelDetection": 1, "StartContentModeration": 1}
"""The paid calls for an image, and the jobs for a video."""


class Cluster:
    """The session's cluster, with processes of both versions, and a prefix of its own for files."""

    def __init__(self, environment: dict[str, str], previous: PreviousVersion, folder: Path) -> None:
        self.environment = environment
        self.previous = previous
        self.folder = folder
        self.settings = KafkaSettings(bootstrap_servers=environment["HEADRACE_BOOTSTRAP_SERVERS"])
        self.prefix = f"upgrade-{uuid.uuid4().hex[:8]}"
        self.images: list[str] = []
        self.videos: list[str] = []
        self.rewritten = f"{self.prefix}/again.jpg"
        self.versions_put = 0
        self._admin = clients.admin(self.settings)
        self._s3 = boto3.client("s3")
        self._started = 0

    def old(self, *arguments: str) -> AbstractContextManager[Headrace]:
        """Run a command of the previous version."""
        return self.previous.process(self.environment, self._log("old"), *arguments)

    def new(self, *arguments: str) -> AbstractContextManager[Headrace]:
        """Run a command of the present version."""
        self._started += 1
        folder = self.folder / f"new-{self._started}"
        folder.mkdir()
        return headrace(self.environment, folder, *arguments)

    def put_files(self) -> None:
        """Put three images, a video, and another version of one image."""
        image, video = (MEDIA / "bottles.jpg").read_bytes(), (MEDIA / "bottles.mp4").read_bytes()
        mark = uuid.uuid4().hex
        for number in range(3):
            self.images.append(self._put(f"{mark}-{number}.jpg", image + f"{mark}{number}".encode()))
        self.videos.append(self._put(f"{mark}.mp4", video + b"\0\0\0\x28free" + mark.encode()))
        self._s3.put_object(Bucket=MEDIA_BUCKET, Key=self.rewritten, Body=image + mark.encode())
        self.versions_put += 1

    def members(self) -> int:
        """Return the number of members of a stage's group that have partitions."""
        group = next(stage.group for stage in pipeline.stages() if stage.name == STAGE)
        described = self._admin.describe_consumer_groups([group])[group].result(60)
        return sum(bool(member.assignment.topic_partitions) for member in described.members)

    def wait_for_members(self, count: int) -> None:
        """Wait until the partitions of a stage are spread over a number of workers."""
        wait_for(lambda: self.members() == count, f"{count} members with partitions", SECONDS)

    def all_end(self) -> list[AssetVersion]:
        """Wait until the newest version of every file is completed, and return these versions."""
        names = (*self.images, *self.videos, f"{MEDIA_BUCKET}/{self.rewritten}")

        def ended() -> list[AssetVersion] | None:
            progress = connect(load_stages()).progress()
            found = [progress.versions(name)[-1:] for name in names]
            return [each for [each] in found] if all(each and each[0].state == "completed" for each in found) else None

        return wait_for(ended, f"{len(names)} files to be completed", SECONDS)

    def calls(self, name: str) -> Counter[str]:
        """Return the paid calls for an asset that took effect, by operation."""
        url = f"{self.environment['AWS_ENDPOINT_URL_REKOGNITION']}/ledger?limit=1000&asset={name}"
        found: list[dict[str, Any]] = call_control(url)["calls"]
        return Counter(call["operation"] for call in found if call["took_effect"] and not _is_read(call["operation"]))

    def _put(self, key: str, content: bytes) -> str:
        self._s3.put_object(Bucket=MEDIA_BUCKET, Key=f"{self.prefix}/{key}", Body=content)
        return f"{MEDIA_BUCKET}/{self.prefix}/{key}"

    def _log(self, version: str) -> Path:
        self._started += 1
        return self.folder / f"{version}-{self._started}.log"


def _is_read(operation: str) -> bool:
    return operation.startswith("Get")


def finished(worker: Headrace, prefix: str) -> int:
    """Return how many records of a stage a worker has finished for files with a prefix."""
    lines = (json.loads(line) for line in worker.log.read_text().splitlines() if line.startswith("{"))
    return sum(line.get("stage") == STAGE and prefix in line.get("key", "") for line in lines)


@pytest.fixture(scope="module")
def previous() -> PreviousVersion:
    return previous_version()


@pytest.fixture
def cluster(cluster_env: dict[str, str], no_backlog: None, previous: PreviousVersion, tmp_path: Path) -> Cluster:
    return Cluster(cluster_env, previous, tmp_path)


def test_previous_version_runs_its_own_code(previous: PreviousVersion, cluster_env: dict[str, str]) -> None:
    """If it ran the present code, the other tests would compare a version with itself."""
    help_text = previous.run(cluster_env, "rules", "--help").stdout
    assert "Manage rules" in help_text
    assert " try " not in help_text
    assert " try " in run(cluster_env, "rules", "--help").stdout


def test_group_moves_to_the_present_version_and_back_under_load(cluster: Cluster) -> None:
    with ExitStack() as stack:
        start = stack.enter_context
        old_bridge, first = start(cluster.old("bridge")).ready(), start(cluster.old(*WORKER)).ready()
        cluster.put_files()
        second = start(cluster.new(*WORKER)).ready()
        cluster.wait_for_members(2)
        cluster.put_files()
        wait_for(lambda: finished(first, cluster.prefix) and finished(second, cluster.prefix), "both to work", SECONDS)

        cluster.put_files()
        assert first.stop() == 0
        new_bridge = start(cluster.new("bridge")).ready()
        assert old_bridge.stop() == 0
        cluster.put_files()
        cluster.wait_for_members(1)

        third = start(cluster.old(*WORKER)).ready()
        cluster.wait_for_members(2)
        cluster.put_files()
        assert second.stop() == 0
        cluster.put_files()
        wait_for(lambda: finished(third, cluster.prefix), "the previous version to work again", SECONDS)
        found = cluster.all_end()
        assert third.stop() == 0
        assert new_bridge.stop() == 0

    assert {str(fact.status) for version in found for fact in version.stages.values()} == {"done"}
    assert {name: cluster.calls(name) for name in cluster.images} == dict.fromkeys(cluster.images, CALLS)
    assert {name: cluster.calls(name) for name in cluster.videos} == dict.fromkeys(cluster.videos, JOBS)
    assert_in_order(cluster)
    assert_accounted(cluster)


def assert_in_order(cluster: Cluster) -> None:
    """Check that no result of an older version of an object follows one of a newer version."""
    decode = codec.load().decode
    records = read_back(cluster.settings, (topics.UPLOADED.name, topics.LABELLED.name))
    for topic in (topics.UPLOADED.name, topics.LABELLED.name):
        events: list[Any] = [decode(each.value) for each in records if each.topic == topic and each.key]
        order = [each.asset.sequencer for each in events if each.asset.key == cluster.rewritten]
        assert order == sorted(order)
        assert len(set(order)) == cluster.versions_put or topic == topics.LABELLED.name


def assert_accounted(cluster: Cluster) -> None:
    """Check that both versions find an outcome for each record, whichever version has committed its offset."""
    for found in (
        run(cluster.environment, "audit", "check"),
        cluster.previous.run(cluster.environment, "audit", "check"),
    ):
        assert found.returncode == 0, found.stdout + found.stderr


def test_views_that_the_previous_version_has_built_are_those_of_the_present_one(cluster: Cluster) -> None:
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
