"""Tests of the environment variables of a sandbox."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from headrace.sandbox.access.keys import control_token, generate
from headrace.sandbox.cluster.environment import current, variables
from headrace.sandbox.cluster.state_file import ClusterState, RunningComponent, write
from headrace.sandbox.paths import default_data


def state(**ports: int) -> ClusterState:
    parts = {
        name: RunningComponent(name, os.getpid(), psutil.Process().create_time(), port, Path())
        for name, port in ports.items()
    }
    return ClusterState(parts, ports, KEYS)


KEYS = generate()


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))


def test_returns_the_variables_of_all_components() -> None:
    assert variables(state(kafka=1, aws=2, ai=3)) == {
        "HEADRACE_BOOTSTRAP_SERVERS": "127.0.0.1:1",
        "HEADRACE_MEDIA_BUCKET": "headrace-media",
        "HEADRACE_RESULTS_BUCKET": "headrace-results",
        "HEADRACE_QUEUE_URLS": "http://127.0.0.1:2/000000000000/headrace-events",
        "HEADRACE_JOBS_TOPIC_ARN": "arn:aws:sns:us-east-1:000000000000:AmazonRekognition-headrace",
        "HEADRACE_JOBS_ROLE_ARN": "arn:aws:iam::000000000000:role/headrace-jobs",
        "HEADRACE_MEDIACONVERT_ROLE_ARN": "arn:aws:iam::000000000000:role/headrace-mediaconvert",
        "AWS_ACCESS_KEY_ID": KEYS.access,
        "AWS_SECRET_ACCESS_KEY": KEYS.secret,
        "HEADRACE_SECRET_SANDBOX": control_token(KEYS),
        "HEADRACE_PRIVATE_TARGETS": "127.0.0.1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:2",
        "AWS_ENDPOINT_URL_SQS": "http://127.0.0.1:2",
        "AWS_ENDPOINT_URL_SNS": "http://127.0.0.1:2",
        "AWS_ENDPOINT_URL_EVENTBRIDGE": "http://127.0.0.1:2",
        "AWS_ENDPOINT_URL_IAM": "http://127.0.0.1:2",
        "AWS_ENDPOINT_URL_STS": "http://127.0.0.1:2",
        "AWS_ENDPOINT_URL_REKOGNITION": "http://127.0.0.1:3",
        "AWS_ENDPOINT_URL_TRANSCRIBE": "http://127.0.0.1:3",
        "AWS_ENDPOINT_URL_TEXTRACT": "http://127.0.0.1:3",
        "AWS_ENDPOINT_URL_COMPREHEND": "http://127.0.0.1:3",
        "AWS_ENDPOINT_URL_TRANSLATE": "http://127.0.0.1:3",
        "AWS_ENDPOINT_URL_POLLY": "http://127.0.0.1:3",
        "AWS_ENDPOINT_URL_MEDIACONVERT": "http://127.0.0.1:3",
        "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": "http://127.0.0.1:3",
        "AWS_ENDPOINT_URL_SERVICE_QUOTAS": "http://127.0.0.1:3",
        "AWS_ENDPOINT_URL_BEDROCK_DATA_AUTOMATION_RUNTIME": "http://127.0.0.1:3",
    }


def test_stopped_components_have_no_variables() -> None:
    assert variables(state(kafka=1)) == {"HEADRACE_BOOTSTRAP_SERVERS": "127.0.0.1:1"}
    assert variables(ClusterState(ports={"kafka": 1})) == {}


def test_current_sandbox_is_in_the_default_folder() -> None:
    assert current() == {}
    up = state(kafka=1, aws=2)
    write(default_data(), up)
    assert current() == variables(up) | {"HEADRACE_VIEWS": str(default_data() / "views")}


def test_without_a_sandbox_its_extra_is_not_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "headrace.sandbox.cluster.processes", None)  # its import of psutil fails
    assert not list(default_data().glob("*"))
    assert current() == {}


def test_stopped_sandbox_is_not_current() -> None:
    up = state(kafka=1)
    gone = replace(up.parts["kafka"], started=0.0)
    write(default_data(), ClusterState({"kafka": gone}, up.ports))
    assert current() == {}


@pytest.mark.parametrize("module", ["headrace.sandbox.cluster.environment", "headrace.sandbox.cli.sandbox"])
def test_reading_variables_imports_no_client(module: str) -> None:
    heavy = {"boto3", "botocore", "confluent_kafka", "jgo", "requests", "psutil"}
    code = f"import sys, {module}; print(*sorted({heavy!r} & sys.modules.keys()))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.split() == []
