"""A cluster with processes of the previous and of the present version, and what they work on."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from headrace.console.assets.projection import AssetVersion
from headrace.console.assets.read_service import connect
from headrace.console.kafka.admin import KafkaAdmin
from headrace.console.routing.stages import load_stages
from headrace.sandbox.access.control import call_control
from headrace.sandbox.names import MEDIA_BUCKET
from headrace.schemas import topics
from headrace.schemas.kafka import clients
from headrace.schemas.kafka.settings import KafkaSettings
from headrace.streams import pipeline
from tests.support.aws_clients import new_client
from tests.support.previous_version import PreviousVersion
from tests.support.process import Headrace, headrace, wait_for
from tests.system.test_machines import Machine

MEDIA = Path("sandbox/media")
SECONDS = 120.0
STAGE = "labels"
"""The stage whose consumer group is watched."""


def _waits(count: int) -> dict[str, Any]:
    """Return a definition with waits of 5 s, one after the other."""
    state = {"Type": "Wait", "Seconds": 5}
    states = {f"Wait{number}": {**state, "Next": f"Wait{number + 1}"} for number in range(count - 1)}
    return {"StartAt": "Wait0", "States": states | {f"Wait{count - 1}": {**state, "End": True}}}


CLOCK = _waits(6)


class TwoVersions:
    """A cluster, with processes of both versions, and a prefix of its own for files."""

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
        self.executions: list[str] = []
        self._machine = Machine(self.settings, CLOCK)
        self._admin = clients.admin(self.settings)
        self._ends = self._count()
        self._s3 = new_client("s3")
        self._started = 0

    @contextmanager
    def old(self, *arguments: str) -> Iterator[Headrace]:
        """Run a bridge or worker of the previous version."""
        self._started += 1
        with self.previous.process(self.environment, self.folder / f"old-{self._started}.log", *arguments) as running:
            yield running.ready(seconds=SECONDS)

    @contextmanager
    def new(self, *arguments: str) -> Iterator[Headrace]:
        """Run a bridge or worker of the present version."""
        self._started += 1
        folder = self.folder / f"new-{self._started}"
        folder.mkdir()
        with headrace(self.environment, folder, *arguments) as running:
            yield running.ready(seconds=SECONDS)

    def put_files(self) -> None:
        """Put three images, a video, and another version of one image."""
        image, video = (MEDIA / "bottles.jpg").read_bytes(), (MEDIA / "bottles.mp4").read_bytes()
        mark = uuid.uuid4().hex
        for number in range(3):
            self.images.append(self._put(f"{mark}-{number}.jpg", image + f"{mark}{number}".encode()))
        self.videos.append(self._put(f"{mark}.mp4", video + b"\0\0\0\x28free" + mark.encode()))
        self._s3.put_object(Bucket=MEDIA_BUCKET, Key=self.rewritten, Body=image + mark.encode())
        self.versions_put += 1

    def start_executions(self) -> None:
        """Start executions that wait several times."""
        self.executions += [asyncio.run(self._machine.start(number)) for number in range(3)]

    def all_succeed(self) -> None:
        """Wait until every execution has succeeded, and check that each event is in its history once."""

        def states() -> set[str]:
            return {self._machine.status(each) for each in self.executions}

        wait_for(lambda: states() == {"SUCCEEDED"}, f"{len(self.executions)} executions to succeed", SECONDS)
        for execution in self.executions:
            entries = {(entry.id, entry.type) for each in self._machine.history(execution) for entry in each.events}
            assert sorted(number for number, _ in entries) == list(range(1, len(entries) + 1))
            assert [kind for _, kind in entries].count("WaitStateExited") == len(CLOCK["States"])

    def arrived(self) -> int:
        """Return how many records the stage has been sent since the test began."""
        return self._count() - self._ends

    def _count(self) -> int:
        spans = KafkaAdmin(self.settings).spans([topics.READY.name])
        return sum(span.high for span in spans.values())

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


def _is_read(operation: str) -> bool:
    return operation.startswith("Get")


def finished(worker: Headrace, prefix: str) -> int:
    """Return how many records of a stage a worker has finished for files with a prefix."""
    lines = (json.loads(line) for line in worker.log.read_text().splitlines() if line.startswith("{"))
    return sum(line.get("stage") == STAGE and prefix in line.get("key", "") for line in lines)
