"""`headrace sandbox fill` on a new sandbox: it rejects one with records that a stage has not processed."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from headrace.connectors.aws.client import AwsSession
from headrace.console.assets import read_service
from headrace.console.routing.stages import load_stages
from headrace.sandbox.cluster import cluster
from headrace.sandbox.cluster.environment import variables
from headrace.sandbox.fill.results import ResultSource
from headrace.schemas import topics
from headrace.schemas.kafka import clients
from headrace.schemas.kafka.settings import KafkaSettings
from headrace.schemas.settings import load
from headrace.streams import pipeline
from tests.support.isolation import own_folder
from tests.support.process import COMMAND

ASSETS = 600


@pytest.fixture(scope="module")
def new_sandbox() -> Iterator[Path]:
    """Start a sandbox with all topics, and point this process to it."""
    data = own_folder() / "fill"
    with pytest.MonkeyPatch.context() as patch:
        try:
            for name, value in variables(cluster.up(data)).items():
                patch.setenv(name, value)
            table = topics.table(stage.name for stage in pipeline.stages())
            clients.create_topics(clients.admin(load(KafkaSettings)), table, 1)
            yield data
        finally:
            cluster.down(data)


def fill(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [COMMAND, "sandbox", "fill", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)


def test_assets_are_on_the_log_and_their_results_in_s3(new_sandbox: Path) -> None:
    options = ("--seed", "9", "--data", str(new_sandbox))
    completed = fill("--assets", str(ASSETS), *options)
    assert completed.returncode == 0, completed.stderr
    assert completed.stdout.startswith(f"{ASSETS} assets, ")
    service = read_service.connect(load_stages())
    progress = service.progress()
    names = [name for name in progress.assets() if "/fill-9/" in name]
    assert len(names) == ASSETS
    assert {progress.versions(name)[0].state for name in names} == {"completed"}
    stored = ResultSource(9).transcript(0)
    answer = AwsSession().client("s3").get_object(Bucket=stored.pointer.bucket, Key=stored.pointer.key)
    assert answer["Body"].read() == stored.content
    assert [stage.lag for stage in service.status().stages if stage.lag] == []


def test_unprocessed_records_are_never_skipped(new_sandbox: Path) -> None:
    producer = clients.producer(load(KafkaSettings))
    producer.produce(topics.SCANNED.name, b"x", b"media/a")
    assert producer.flush(30) == 0
    refused = fill("--assets", "1", "--data", str(new_sandbox))
    assert refused.returncode == 1
    assert "has not processed all records of media.scanned" in refused.stderr


def test_stopped_sandbox_is_one_clear_message(tmp_path: Path) -> None:
    refused = fill("--assets", "1", "--data", str(tmp_path))
    assert refused.returncode == 1
    assert "headrace sandbox up" in refused.stderr
    assert "Traceback" not in refused.stderr
