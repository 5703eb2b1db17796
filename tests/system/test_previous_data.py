"""The present version continues with the data that the previous version has left: nothing is lost or paid again."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from headrace.sandbox.access.control import call_control
from headrace.sandbox.cluster import cluster
from headrace.sandbox.cluster.environment import variables
from headrace.sandbox.names import MEDIA_BUCKET
from headrace.schemas import topics
from headrace.schemas.kafka import clients
from headrace.schemas.kafka.settings import KafkaSettings
from headrace.schemas.messages import ConsumerRecord
from headrace.schemas.records import ExecutionAdvanced
from tests.chaos.support.observer import read_back
from tests.support import cluster_data
from tests.support.isolation import own_folder
from tests.support.process import headrace, run, wait_for
from tests.support.record_previous import (
    BROKEN,
    COPIES,
    DONE,
    EXECUTION,
    FOLDER,
    RETRIED,
    VIDEO,
    WORKER,
    files,
    settings_of,
)
from tests.support.records import CODEC

pytestmark = pytest.mark.timeout(1800)
SECONDS = 120.0


class PreviousData:
    """A cluster with the recorded data, before any process of the present version has run."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.environment = environment
        self.settings = KafkaSettings(bootstrap_servers=environment["HEADRACE_BOOTSTRAP_SERVERS"])

    def run(self, *arguments: str, code: int = 0) -> str:
        """Run a command of the present version and return its output."""
        done = run(self.environment, *arguments)
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout

    def json(self, *arguments: str) -> Any:
        """Run a command and return its JSON."""
        return json.loads(self.run(*arguments, "--json"))

    def state(self, key: str) -> str:
        """Return the state of the newest version of a file."""
        state: str = self.json("trace", f"{MEDIA_BUCKET}/{key}")["versions"][-1]["state"]
        return state

    def records(self, topic: str) -> list[ConsumerRecord]:
        """Return the records of a topic."""
        return read_back(self.settings, (topic,))

    def execution(self) -> ExecutionAdvanced:
        """Return the last transition of the recorded execution."""
        events = [CODEC.decode(each.value) for each in self.records(topics.MACHINE_HISTORY.name)]
        return [event for event in events if isinstance(event, ExecutionAdvanced) and event.name == EXECUTION][-1]

    def ledger(self, key: str = "") -> dict[str, Any]:
        """Return the calls and jobs of the AI services since the data was restored."""
        asset = f"&asset={MEDIA_BUCKET}/{key}" if key else ""
        found: dict[str, Any] = call_control(
            f"{self.environment['AWS_ENDPOINT_URL_REKOGNITION']}/ledger?limit=1000{asset}"
        )
        return found

    def calls(self, key: str) -> Counter[str]:
        """Return the calls for a file by operation."""
        return Counter(each["operation"] for each in self.ledger(key)["calls"] if each["took_effect"])


@pytest.fixture(scope="module")
def data() -> Iterator[PreviousData]:
    """Restore the recorded data in a sandbox of its own. The AI services start last: their jobs are due at once."""
    folder = own_folder() / "previous"
    with pytest.MonkeyPatch.context() as patch:
        try:
            environment = settings_of(variables(cluster.up(folder, ("kafka", "aws"))))
            for name, value in environment.items():
                patch.setenv(name, value)
            cluster_data.restore_objects(FOLDER, files())
            cluster_data.restore_jobs(FOLDER, folder / "ai")
            environment |= settings_of(variables(cluster.up(folder)))
            environment["HEADRACE_VIEWS"] = str(folder / "views")
            for name, value in environment.items():
                patch.setenv(name, value)
            restored = PreviousData(environment)
            restored.run("topics", "apply")
            of_rule = (topics.retry("rule-images"), topics.dead_letters("rule-images"))
            clients.create_topics(clients.admin(restored.settings), [COPIES, *of_rule], 1)
            cluster_data.restore_records(FOLDER, restored.settings)
            yield restored
        finally:
            cluster.down(folder)


def test_commands_read_what_the_previous_version_has_left(data: PreviousData) -> None:
    letters = data.json("dlq", "list", "--from-log")["letters"]
    assert {(each["stage"], each["key"]) for each in letters} == {
        (stage, f"{MEDIA_BUCKET}/{BROKEN}") for stage in ("probe", "thumbnails")
    }
    assert data.state(DONE) == data.state(BROKEN) == "completed"
    assert {data.state(RETRIED), data.state(VIDEO)} == {"processing"}
    assert "images" in data.run("rules", "list")
    assert data.execution().status == "RUNNING"
    data.run("audit", "check")


def test_views_are_built_from_the_log_of_the_previous_version(data: PreviousData) -> None:
    data.run("views", "rebuild")
    data.run("views", "verify", "--all")
    found = {each["asset"].rpartition("/")[2]: each["state"] for each in data.json("assets", "list")["assets"]}
    assert found == {DONE: "completed", BROKEN: "completed", RETRIED: "processing", VIDEO: "processing"}
    data.run("views", "drop", "--yes")


def test_worker_continues_where_the_previous_version_has_stopped(data: PreviousData, tmp_path: Path) -> None:
    before = {name: len(data.records(name)) for name in (topics.COMPLETED.name, COPIES.name)}
    with (
        headrace(data.environment, tmp_path, "bridge") as bridge,
        headrace(data.environment, tmp_path, *WORKER) as worker,
    ):
        bridge.ready(seconds=SECONDS)
        worker.ready(seconds=SECONDS)
        wait_for(lambda: data.state(RETRIED) == data.state(VIDEO) == "completed", "the files to be completed", SECONDS)
        wait_for(lambda: data.execution().status == "SUCCEEDED", "the execution to end", SECONDS)
        wait_for(lambda: len(data.records(COPIES.name)) > before[COPIES.name], "the rule to copy", SECONDS)
        data.run("replay", "redrive", "--stage", "probe", "--execute", "--reason", "test")
        letters = topics.dead_letters("probe").name
        wait_for(lambda: len(data.records(letters)) == 2, "the redriven file to fail again", SECONDS)
        assert worker.stop() == 0
        assert bridge.stop() == 0

    assert '"twice":[1,1]' in data.execution().events[-1].details.replace("\\", "")
    assert {key: data.calls(key) for key in (DONE, BROKEN)} == {DONE: {}, BROKEN: {}}
    assert data.calls(RETRIED)["DetectLabels"] == 1
    assert not any(operation.startswith("Start") for operation in data.calls(VIDEO))
    assert data.ledger()["jobs_unique"] == 2
    assert dict(data.records(letters)[-1].headers)["replay-count"] == b"1"
    copied = Counter((each.key or b"").decode().rpartition("/")[2] for each in data.records(COPIES.name))
    assert copied == {DONE: 1, RETRIED: 1}
    data.run("audit", "check")
