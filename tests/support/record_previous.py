"""Record a data folder that the previous version writes: `python -m tests.support.record_previous`.

It is left in the middle of its work: an image is done, a file is dead-lettered, a call waits for its retry, two jobs
run, a rule is active, and an execution of a state machine waits. `tests/system/test_previous_data.py` continues it.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from headrace.sandbox.access.control import call_control
from headrace.sandbox.cluster import cluster
from headrace.sandbox.cluster.environment import variables
from headrace.sandbox.names import MEDIA_BUCKET
from headrace.schemas import topics
from headrace.schemas.kafka import clients
from headrace.schemas.kafka.settings import KafkaSettings
from headrace.schemas.topics import Topic
from tests.chaos.support.observer import read_back
from tests.support import cluster_data
from tests.support.aws_clients import new_client
from tests.support.previous_version import DATA, PreviousVersion, previous_version
from tests.support.process import wait_for

FOLDER = DATA / "data"
PIPELINE = DATA / "pipeline.toml"
RULES = DATA / "rules"
MACHINE = DATA / "pause.asl.json"
COPIES = Topic("copies", "what the rule copies")
WORKER = ("worker", "--all")
DONE, BROKEN, RETRIED, VIDEO = "done.jpg", "broken.mp4", "retried.jpg", "video.mp4"
EXECUTION = "open"
JOB_SECONDS = "86400"
MEDIA = Path("sandbox/media")


def settings_of(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of the recorded pipeline on a cluster."""
    return {**environment, "HEADRACE_PIPELINE": str(PIPELINE), "HEADRACE_RULES": topics.RULES.name}


def files() -> dict[str, bytes]:
    """Return the media files of the recording."""
    image, video = (MEDIA / "bottles.jpg").read_bytes(), (MEDIA / "bottles.mp4").read_bytes()
    return {DONE: image, BROKEN: video[: len(video) // 20], RETRIED: image + b"again", VIDEO: video}


class _Recording:
    def __init__(self, environment: dict[str, str], previous: PreviousVersion) -> None:
        self.settings = KafkaSettings(bootstrap_servers=environment["HEADRACE_BOOTSTRAP_SERVERS"])
        self._environment = environment
        self._previous = previous
        self._s3 = new_client("s3")

    def run(self, *arguments: str) -> None:
        """Run a command of the previous version, which must succeed."""
        done = self._previous.run(self._environment, *arguments)
        assert done.returncode == 0, f"{arguments}: {done.stderr}"

    def put(self, *keys: str) -> None:
        """Put media files."""
        for key in keys:
            self._s3.put_object(Bucket=MEDIA_BUCKET, Key=key, Body=files()[key])

    def count(self, topic: str, key: str = "") -> int:
        """Return the number of records of a topic whose key contains a text."""
        return sum(key.encode() in (record.key or b"") for record in read_back(self.settings, (topic,)))

    def until(self, topic: str, count: int, key: str = "") -> None:
        """Wait until a topic has a number of records."""
        wait_for(lambda: self.count(topic, key) >= count, f"{count} records of {topic}", 120)


def main() -> None:
    """Record, and replace the files of the recording."""
    folder = Path(tempfile.mkdtemp(prefix="headrace-record-"))
    os.environ["HEADRACE_SANDBOX_JOB_SECONDS"] = JOB_SECONDS
    try:
        environment = settings_of(variables(cluster.up(folder / "sandbox")))
        environment["HEADRACE_VIEWS"] = str(folder / "views")
        os.environ.update(environment)
        recording = _Recording(environment, previous_version())
        _record(recording, environment, folder)
        shutil.rmtree(FOLDER, ignore_errors=True)
        shutil.copytree(folder / "recorded", FOLDER)
    finally:
        cluster.down(folder / "sandbox")
        shutil.rmtree(folder)


def _record(recording: _Recording, environment: dict[str, str], folder: Path) -> None:
    recording.run("topics", "apply")
    clients.create_topics(clients.admin(recording.settings), [COPIES], 1)
    recording.run("rules", "apply", str(RULES), "--execute")
    recording.run("machine", "deploy", str(MACHINE), "--name", "pause")
    with ExitStack() as stack:
        start = _starter(stack, environment, folder)
        bridge, worker = start("bridge").ready(), start(*WORKER).ready()
        recording.put(DONE, BROKEN)
        recording.until(topics.COMPLETED.name, 2)
        recording.until(COPIES.name, 1)
        throttle = {"operation": "DetectLabels", "kind": "throttle"}
        call_control(environment["AWS_ENDPOINT_URL_REKOGNITION"] + "/faults", "POST", throttle)
        recording.put(RETRIED, VIDEO)
        recording.until(topics.retry("labels").name, 1)
        recording.until(topics.JOBS_STARTED.name, 2)
        recording.run("views", "rebuild")  # commands for executions read them
        recording.run("machine", "start", "pause", "--name", EXECUTION, "--input", json.dumps({"n": 1}))
        recording.until(topics.MACHINE_STATE.name, 1)
        assert worker.stop() == 0
        assert bridge.stop() == 0
    cluster_data.dump(recording.settings, folder / "sandbox" / "ai", folder / "recorded")


def _starter(stack: ExitStack, environment: dict[str, str], folder: Path) -> Callable[..., Any]:
    def start(*arguments: str) -> Any:
        log = folder / f"{arguments[0]}.log"
        return stack.enter_context(previous_version().process(environment, log, *arguments))

    return start


if __name__ == "__main__":
    main()
