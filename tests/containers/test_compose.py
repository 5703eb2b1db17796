"""The compose cluster as a team uses it: the whole path, and what happens when containers go away."""

from __future__ import annotations

import json
import os
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from headrace.sandbox.access.control import call_control
from headrace.sandbox.access.keys import CONTROL_VARIABLE
from tests.containers.engine import ROOT, compose, kafka_image
from tests.containers.kafka import free_port
from tests.support.process import COMMAND, wait_for

pytestmark = [pytest.mark.system, pytest.mark.timeout(300)]
MEDIA = ROOT / "sandbox" / "media"


class Cluster:
    """The cluster of the compose file under a project of its own, and `headrace` on the host beside it."""

    def __init__(self, *added: str) -> None:
        """Take `deploy/compose.ADDED.yml` besides."""
        files = ("docker-compose.yml", *(f"deploy/compose.{name}.yml" for name in added))
        self.project = f"headrace-{uuid.uuid4().hex[:8]}"
        named = [word for file in files for word in ("--file", file)]
        self._command = [*compose(), *named, "--project-name", self.project]
        ports = {name: str(free_port()) for name in ("KAFKA_PORT", "AWS_PORT", "AI_PORT", "CONSOLE_PORT")}
        self._compose = {**os.environ, **ports, "KAFKA_IMAGE": kafka_image()}
        self.host = {**os.environ, **self._seen_from_here(ports)}

    def compose(self, *arguments: str, check: bool = True) -> str:
        done = subprocess.run(
            [*self._command, *arguments], cwd=ROOT, env=self._compose, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0 or not check, done.stderr + self.logs()
        return done.stdout

    def up(self, *arguments: str) -> None:
        self.compose("up", "--detach", "--no-build", *arguments)
        self.host |= self._access()
        wait_for(lambda: self.members("thumbnails"), "the workers", seconds=120)

    def remove(self) -> None:
        self.compose("down", "--volumes", "--timeout", "5", check=False)

    def logs(self) -> str:
        command = [*self._command, "logs", "--tail", "30"]
        return subprocess.run(command, cwd=ROOT, env=self._compose, capture_output=True, text=True, check=False).stdout

    def headrace(self, *arguments: str, check: bool = True) -> str:
        done = subprocess.run([COMMAND, *arguments], env=self.host, capture_output=True, text=True, check=False)
        assert done.returncode == 0 or not check, done.stderr + self.logs()
        return done.stdout

    def status(self) -> dict[str, Any]:
        said = self.headrace("status", "--json", check=False)
        return {each["stage"]: each for each in json.loads(said)["stages"]} if said else {}

    def members(self, stage: str) -> int:
        return int(self.status().get(stage, {}).get("members", 0))

    def put(self, name: str) -> str:
        """Put a picture under a new name, and wait until it is completed."""
        key = self.send(name)
        wait_for(lambda: "completed" in self.headrace("trace", key, check=False), f"{key} to be completed", seconds=90)
        return key

    def send(self, name: str) -> str:
        """Put a picture under a new name."""
        prefix = f"{uuid.uuid4().hex[:8]}/"
        self.headrace("put", str(MEDIA / name), "--prefix", prefix)
        return prefix + name

    def calls(self) -> int:
        """How many calls the AI endpoint was sent."""
        url, token = f"{self.host['AWS_ENDPOINT_URL_REKOGNITION']}/ledger", self.host[CONTROL_VARIABLE]
        return sum(call_control(url, token=token)["outcomes"].values())

    def _access(self) -> dict[str, str]:
        """The access key of the cluster, as deploy/local.env shows."""
        command = ("exec", "-T", "aws", "python3", "-m", "headrace.sandbox.cluster.containers", "env")
        pairs = (line.removeprefix("export ").partition("=") for line in self.compose(*command).splitlines())
        return {name: value for name, _, value in pairs}

    def _seen_from_here(self, ports: dict[str, str]) -> dict[str, str]:
        """The variables of deploy/local.env, with the ports of this cluster."""
        text = (ROOT / "deploy" / "local.env").read_text("utf-8")
        for usual, name in (("9092", "KAFKA_PORT"), ("4566", "AWS_PORT"), ("4567", "AI_PORT")):
            text = text.replace(f"localhost:{usual}", f"localhost:{ports[name]}")
        pairs = (line.partition("=") for line in text.splitlines() if line and not line.startswith("#"))
        return {name: value for name, _, value in pairs}


@contextmanager
def running(*added: str) -> Iterator[Cluster]:
    """A cluster whose workers work, for as long as the block lasts."""
    made = Cluster(*added)
    try:
        made.up()
        yield made
    finally:
        made.remove()


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with running() as made:
        yield made


def test_completes_a_file_uploaded_from_the_host(cluster: Cluster) -> None:
    key = cluster.put("bottles.jpg")
    output = cluster.headrace("trace", key)
    assert "MediaLabelled" in output
    assert cluster.headrace("doctor")


def test_continues_after_a_broker_restart(cluster: Cluster) -> None:
    cluster.compose("restart", "kafka")
    cluster.put("bottles.jpg")


def test_replaces_a_killed_worker_without_loss(cluster: Cluster) -> None:
    cluster.compose("kill", "worker")
    key = cluster.send("bottles.jpg")
    cluster.up()
    wait_for(lambda: "completed" in cluster.headrace("trace", key, check=False), "the file", seconds=90)


def test_three_workers_share_a_consumer_group(cluster: Cluster) -> None:
    cluster.up("--scale", "worker=3")
    wait_for(lambda: cluster.members("thumbnails") == 3, "three members", seconds=90)
    cluster.put("bottles.jpg")
    cluster.up("--scale", "worker=1")


def test_rewind_emits_again_without_new_ai_calls(cluster: Cluster) -> None:
    cluster.compose("stop", "worker")
    wait_for(lambda: not cluster.members("labels"), "the group to be empty", seconds=60)
    before, calls = cluster.status()["labels"], cluster.calls()
    cluster.headrace("replay", "rewind", "labels", "--to", "earliest", "--execute", "--reason", "to try it")
    assert cluster.status()["labels"]["lag"] > 0
    cluster.up()
    wait_for(lambda: cluster.status()["labels"]["finished"] >= before["finished"], "the replay", seconds=60)
    wait_for(lambda: not cluster.status()["labels"]["lag"], "the replay", seconds=60)
    assert cluster.calls() == calls


def test_down_and_up_keeps_all_data(cluster: Cluster) -> None:
    key = cluster.put("bottles.jpg")
    before = cluster.status()["completed"]["finished"]
    cluster.compose("down")
    cluster.up()
    assert cluster.status()["completed"]["finished"] == before
    assert "completed" in cluster.headrace("trace", key)
    cluster.put("bottles.jpg")


merges = pytest.mark.skipif(compose() == ["docker-compose"], reason="deploy/compose.*.yml need Docker Compose 2.24")


@merges
def test_three_brokers_tolerate_the_loss_of_one() -> None:
    with running("cluster") as cluster:
        key = cluster.put("bottles.jpg")
        cluster.compose("kill", "kafka-2")
        cluster.put("bottles.jpg")
        assert "completed" in cluster.headrace("trace", key)


@merges
def test_one_worker_for_each_stage_completes_a_file() -> None:
    with running("stages") as cluster:
        cluster.put("bottles.jpg")
        at_work = cluster.compose("ps", "--services", "--filter", "status=running").split()
        assert "labels" in at_work
        assert "worker" not in at_work
