"""`headrace sandbox fill` on a real sandbox."""

from __future__ import annotations

import subprocess
from pathlib import Path

from headrace.connectors.aws.client import AwsSession
from headrace.console.assets import read_service
from headrace.console.routing.stages import load_stages
from headrace.sandbox.fill.results import ResultSource
from headrace.schemas import topics
from headrace.schemas.kafka import clients
from headrace.schemas.kafka.settings import KafkaSettings
from headrace.schemas.settings import load
from tests.support.process import COMMAND

ASSETS = 600


def fill(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [COMMAND, "sandbox", "fill", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)


def test_assets_are_on_the_log_and_their_results_in_s3(cluster_env: dict[str, str], sandbox_folder: Path) -> None:
    options = ("--seed", "9", "--data", str(sandbox_folder))
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


def test_unprocessed_records_are_never_skipped(cluster_env: dict[str, str], sandbox_folder: Path) -> None:
    producer = clients.producer(load(KafkaSettings))
    producer.produce(topics.SCANNED.name, b"x", b"media/a")
    assert producer.flush(30) == 0
    refused = fill("--assets", "1", "--data", str(sandbox_folder))
    assert refused.returncode == 1
    assert "has not processed all records of media.scanned" in refused.stderr


def test_stopped_sandbox_is_one_clear_message(tmp_path: Path) -> None:
    refused = fill("--assets", "1", "--data", str(tmp_path))
    assert refused.returncode == 1
    assert "headrace sandbox up" in refused.stderr
    assert "Traceback" not in refused.stderr
