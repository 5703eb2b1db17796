"""A smoke test against the services of a sandbox, as if they were a real account."""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import Any

import boto3

from headrace.sandbox import names
from tests.support.process import headrace

PIPELINE = "[stages.moderation]\non = false\n[stages.transcript]\non = false\n"


def test_smoke_test_processes_the_samples_and_leaves_nothing(cluster_env: dict[str, str], tmp_path: Path) -> None:
    bucket, pipeline = f"smoke-{uuid.uuid4().hex[:8]}", tmp_path / "pipeline.toml"
    pipeline.write_text(PIPELINE)
    client: Any = boto3.client
    s3, sqs, events = (client(name) for name in ("s3", "sqs", "events"))
    s3.create_bucket(Bucket=bucket)
    arguments = ("sandbox", "smoke-aws", bucket, "--yes", "--report", str(tmp_path / "report.json"))
    with headrace({**cluster_env, "HEADRACE_PIPELINE": str(pipeline)}, tmp_path, *arguments) as process:
        assert process.process.wait(180) == 0, process.log.read_text()
    report = json.loads((tmp_path / "report.json").read_text())
    outcomes = {name: each["stages"].get("labels", {}).get("outcome") for name, each in report["files"].items()}
    assert outcomes == {"bottles.jpg": "done", "rabbit.mp4": "done", "jfk.flac": None}
    assert 0 < report["usd"] < report["estimated_usd"] < report["ceiling_usd"]
    assert names.ACCOUNT not in json.dumps(report)
    assert "Versions" not in s3.list_object_versions(Bucket=bucket)
    assert not [url for url in sqs.list_queues().get("QueueUrls", ()) if "smoke" in url]
    assert not [rule["Name"] for rule in events.list_rules()["Rules"] if "smoke" in rule["Name"]]
