"""Run a state machine with an interpreter of a local AWS: the task is JSON on the command line.

Prints the seconds of each run, from the start of the execution to its end.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
import uuid
from collections.abc import Callable

ROLE = "arn:aws:iam::123456789012:role/bench"
POLL_SECONDS = 0.001
Run = Callable[[str], str]


def moto(definition: str) -> Run:
    """Return what runs an input with moto."""
    import boto3
    from moto import mock_aws

    os.environ |= {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}
    mock_aws(config={"stepfunctions": {"execute_state_machine": True}}).start()
    client = boto3.client("stepfunctions")
    machine = client.create_state_machine(name="bench", definition=definition, roleArn=ROLE)["stateMachineArn"]

    def run(value: str) -> str:
        execution = client.start_execution(stateMachineArn=machine, name=uuid.uuid4().hex, input=value)["executionArn"]
        while (found := client.describe_execution(executionArn=execution))["status"] == "RUNNING":
            time.sleep(POLL_SECONDS)
        return str(found["status"])

    return run


def ministack(definition: str) -> Run:
    """Return what runs an input with MiniStack, without its HTTP server."""
    from ministack.services import stepfunctions

    def call(action: str, **data: str) -> dict[str, str]:
        headers = {"x-amz-target": f"AWSStepFunctions.{action}"}
        answer = stepfunctions.handle_request("POST", "/", headers, json.dumps(data).encode(), {})
        _status, _headers, body = asyncio.run(answer)
        return dict(json.loads(body))

    machine = call("CreateStateMachine", name="bench", definition=definition, roleArn=ROLE)["stateMachineArn"]

    def run(value: str) -> str:
        execution = call("StartExecution", stateMachineArn=machine, input=value)["executionArn"]
        while (found := call("DescribeExecution", executionArn=execution))["status"] == "RUNNING":
            time.sleep(POLL_SECONDS)
        return found["status"]

    return run


def main() -> None:
    """Run the task, and print the seconds of each run."""
    task = json.loads(sys.argv[1])
    run = {"moto": moto, "ministack": ministack}[task["interpreter"]](json.dumps(task["definition"]))
    seconds = []
    for _ in range(task["runs"] + 1):  # the first run is a warm-up
        begun = time.perf_counter()
        status = run(json.dumps(task["input"]))
        seconds.append(time.perf_counter() - begun)
        if status != "SUCCEEDED":
            raise SystemExit(f"{task['interpreter']}: {status}")
    print(json.dumps({"seconds": seconds[1:]}), flush=True)


if __name__ == "__main__":
    main()
