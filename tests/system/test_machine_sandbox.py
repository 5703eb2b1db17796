"""State machines in a sandbox as users run them: boto3, the demo, the commands and the web console."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest

from headrace.sandbox.cluster import cluster
from headrace.sandbox.demo.machine_run import FILES
from headrace.sandbox.names import MEDIA_BUCKET
from tests.support.isolation import own_folder
from tests.support.process import COMMAND, wait_for

pytestmark = pytest.mark.timeout(1200)
ROLE = "arn:aws:iam::000000000000:role/headrace"
NAP = {"StartAt": "Nap", "States": {"Nap": {"Type": "Wait", "Seconds": 1, "End": True}}}
SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class MachineSandbox:
    """A sandbox with state machines: its folder, its variables, and what its start printed."""

    folder: Path
    variables: dict[str, str]
    printed: str

    def run(self, *arguments: str) -> str:
        """Run a command, which must succeed, and return its standard output."""
        done = subprocess.run(
            [COMMAND, *arguments], env=self.variables, capture_output=True, text=True, check=False, timeout=600
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def begin(self, *arguments: str) -> subprocess.Popen[str]:
        """Begin a command that runs until it is interrupted."""
        return subprocess.Popen([COMMAND, *arguments], env=self.variables, stdout=subprocess.PIPE, text=True)

    def client(self) -> Any:
        """Return a client of Step Functions with the variables of the sandbox only."""
        return boto3.client(
            "stepfunctions",
            endpoint_url=self.variables["AWS_ENDPOINT_URL_SFN"],
            region_name=self.variables["AWS_DEFAULT_REGION"],
            aws_access_key_id=self.variables["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=self.variables["AWS_SECRET_ACCESS_KEY"],
        )


@pytest.fixture(scope="module")
def sandbox() -> Iterator[MachineSandbox]:
    """Start a sandbox with state machines."""
    folder = Path(tempfile.mkdtemp(prefix="", dir=own_folder()))
    bare = {name: value for name, value in os.environ.items() if not name.startswith(("HEADRACE_", "AWS_"))}
    begin = MachineSandbox(folder, bare, "")
    try:
        printed = begin.run("sandbox", "up", "--machines", "--data", str(folder))
        found = json.loads(begin.run("sandbox", "env", "--json", "--data", str(folder)))
        yield MachineSandbox(folder, {**bare, **found}, printed)
    finally:
        cluster.down(folder)
        shutil.rmtree(folder)


def test_boto3_runs_an_execution_and_watch_prints_it(sandbox: MachineSandbox) -> None:
    assert f"Step Functions API: {sandbox.variables['AWS_ENDPOINT_URL_SFN']}" in sandbox.printed
    client = sandbox.client()
    machine = client.create_state_machine(name="nap", definition=json.dumps(NAP), roleArn=ROLE)["stateMachineArn"]
    execution = client.start_execution(stateMachineArn=machine, name="first", input='{"n":1}')["executionArn"]
    wait_for(
        lambda: client.describe_execution(executionArn=execution)["status"] == "SUCCEEDED", "the execution", SECONDS
    )
    assert client.describe_execution(executionArn=execution)["output"] == '{"n":1}'
    types = [event["type"] for event in client.get_execution_history(executionArn=execution)["events"]]
    assert types == ["ExecutionStarted", "WaitStateEntered", "WaitStateExited", "ExecutionSucceeded"]

    watching = sandbox.begin("machine", "watch", "nap")
    try:
        assert watching.stdout is not None
        client.start_execution(stateMachineArn=machine, name="second")
        lines = iter(watching.stdout.readline, "")
        assert next(line for line in lines if "nap/second" in line and "SUCCEEDED" in line)
    finally:
        watching.send_signal(signal.SIGINT)
        watching.communicate(timeout=60)


def test_demo_runs_the_media_machine_and_everything_shows_it(sandbox: MachineSandbox) -> None:
    report = json.loads(sandbox.run("demo", "--machine", "--keep", "--json", "--data", str(sandbox.folder)))
    assert report["wrong"] == []
    assert {each["file"]: each["status"] for each in report["executions"]} == dict.fromkeys(FILES, "SUCCEEDED")
    assert [each["file"] for each in report["executions"] if each["asked"]] == ["rabbit.mp4"]
    assert any(re.search(r"Summary \[Pass\].* x3$", line) for line in report["graph"])
    own = {each["execution"] for each in report["executions"]}
    machine = next(iter(own)).rpartition(":")[0].replace(":execution:", ":stateMachine:")
    listed = sandbox.client().list_executions(stateMachineArn=machine)["executions"]
    assert {each["executionArn"] for each in listed} == own

    traced = json.loads(sandbox.run("trace", f"{MEDIA_BUCKET}/rabbit.mp4", "--json"))
    [execution] = traced["executions"]
    assert "Ask a person" in [visit["state"] for visit in execution["states"]]

    console = sandbox.begin("console", "--port", "0")
    try:
        assert console.stdout is not None
        url = console.stdout.readline().strip().partition(": ")[2]
        machines = json.loads(_get(f"{url}/api/machines/media"))
        assert machines["executions"] == {"SUCCEEDED": 3}
        assert 'class="machine-picture"' in _get(f"{url}/machines/execution?arn={execution['arn']}")
    finally:
        console.send_signal(signal.SIGINT)
        console.communicate(timeout=60)


def _get(url: str) -> str:
    with urllib.request.urlopen(url, timeout=60) as response:
        return str(response.read().decode())
