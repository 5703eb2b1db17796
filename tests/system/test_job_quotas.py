"""A quota of concurrent jobs holds over all workers, whatever the number of partitions, and while workers die."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import boto3
import pytest

from headrace.sandbox.access.control import call_control
from headrace.sandbox.cluster import cluster
from headrace.sandbox.cluster.environment import variables
from headrace.schemas import topics
from headrace.schemas.kafka import clients
from headrace.schemas.kafka.settings import KafkaSettings
from headrace.schemas.serde import catalog, codec
from headrace.schemas.serde.codec import to_producer_record
from headrace.schemas.serde.schema_topic import publish_schemas
from headrace.streams import pipeline
from tests.support.isolation import own_folder
from tests.support.process import Headrace, headrace, start, wait_for
from tests.support.records import asset, envelope, ready

PARTITIONS = 64
SPREAD = ("media.ready", "labels.retry", "jobs.finished")
"""The topics that the stage `labels` reads."""
QUOTA = 16
"""Below the service's own limit of 20 jobs, which would hide a violation."""
JOB_SECONDS = 4.0
MEDIA = Path("sandbox/media/bottles.mp4")
BUCKET = "headrace-media"


class QuotaCluster:
    """A cluster with 64 partitions, a bridge, and workers of the stage `labels`."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.environment = environment
        self._producer = clients.producer(KafkaSettings(bootstrap_servers=environment["HEADRACE_BOOTSTRAP_SERVERS"]))
        self._s3 = boto3.Session().client("s3")  # the default session keeps the keys of another sandbox
        self._content = MEDIA.read_bytes()
        self._encoder = codec.load()

    def submit(self, prefix: str, count: int) -> list[str]:
        """Publish videos that are ready, over all partitions."""
        keys = [f"{prefix}/{number}.mp4" for number in range(count)]
        for key in keys:
            stored = self._s3.put_object(Bucket=BUCKET, Key=key, Body=self._content)
            of = asset(key, bucket=BUCKET, version=key, etag=stored["ETag"].strip('"'), size=len(self._content))
            event = ready(
                of, kind="video", content_type="video/mp4", format="mp4", duration_seconds=1.0, video_codec="h264"
            )
            sent = to_producer_record(event, envelope(event), self._encoder)
            self._producer.produce(sent.topic, sent.value, sent.key, headers=list(sent.headers))
        assert self._producer.flush(30) == 0
        return keys

    def jobs(self, prefix: str) -> list[dict[str, Any]]:
        """Return the jobs of a prefix from the ledger of the service."""
        found = call_control(self.environment["AWS_ENDPOINT_URL_REKOGNITION"] + "/ledger?limit=10000")["jobs"]
        return [job for job in found if job["asset"].startswith(f"{BUCKET}/{prefix}/")]

    def all_ended(self, prefix: str, count: int) -> list[dict[str, Any]]:
        """Return the jobs once all have ended."""
        ended = wait_for(lambda: self._ended(prefix, count), f"{count} jobs of {prefix}", 120)
        assert len({job["token"] for job in ended}) == len(ended) == count
        return ended

    def _ended(self, prefix: str, count: int) -> list[dict[str, Any]]:
        ended = [job for job in self.jobs(prefix) if job["finished_at"]]
        return ended if len(ended) >= count else []


@pytest.fixture(scope="module")
def quota_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[QuotaCluster]:
    folder = tmp_path_factory.mktemp("s", numbered=True)
    data = own_folder() / "quotas"
    with pytest.MonkeyPatch.context() as patch, ExitStack() as stack:
        patch.setenv("HEADRACE_SANDBOX_JOB_SECONDS", str(JOB_SECONDS))
        stack.callback(cluster.down, data)
        environment = variables(cluster.up(data)) | {"HEADRACE_SLOTS": f"labels={QUOTA}"}
        for name, value in environment.items():
            patch.setenv(name, value)
        settings = KafkaSettings(bootstrap_servers=environment["HEADRACE_BOOTSTRAP_SERVERS"])
        table = topics.table(stage.name for stage in pipeline.stages())
        spread = topics.with_partitions(table, dict.fromkeys(SPREAD, PARTITIONS))
        clients.create_topics(clients.admin(settings), spread, 1)
        publish_schemas(clients.producer(settings), catalog.versions())
        stack.enter_context(headrace(environment, folder, "bridge")).ready()
        yield QuotaCluster(environment)


def most_at_a_time(jobs: list[dict[str, Any]]) -> int:
    changes = [(job["started_at"], 1) for job in jobs] + [(job["finished_at"], -1) for job in jobs]
    running = most = 0
    for _, change in sorted(changes):
        running += change
        most = max(most, running)
    return most


def worker(target: QuotaCluster, folder: Path, number: int) -> Headrace:
    environment = {**os.environ, **target.environment}
    return start(["worker", "labels"], environment, folder / f"worker-{number}.log")


def test_quota_holds_with_64_partitions_while_a_worker_is_killed_and_one_restarts(
    quota_cluster: QuotaCluster, tmp_path: Path
) -> None:
    count = 6 * QUOTA
    with ExitStack() as stack:
        workers = [worker(quota_cluster, tmp_path, number) for number in range(3)]
        for each in workers:
            stack.callback(_end, each)
            each.ready()
        quota_cluster.submit("kill", count)
        wait_for(lambda: len(quota_cluster.jobs("kill")) >= 2 * QUOTA, "two rounds of jobs")
        workers[0].kill()
        newcomer = worker(quota_cluster, tmp_path, 3)
        stack.callback(_end, newcomer)
        jobs = quota_cluster.all_ended("kill", count)
        assert workers[1].stop() == 0
    assert most_at_a_time(jobs) == QUOTA


def _end(running: Headrace) -> None:
    if running.process.poll() is None:
        running.kill()
