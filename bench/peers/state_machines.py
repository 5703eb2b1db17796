"""Run a state machine with an interpreter of a local AWS: the task is JSON on the command line.

Prints the seconds of each run, from the start of its `executions` (1 without it) to the end of the last.
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
Run = Callable[[str, int], set[str]]
"""Starts executions with an input, and returns their statuses once all have ended."""


def moto(definition: str) -> Run:
    """Return what runs an input with moto."""
    import boto3
    from moto import mock_aws

    os.environ |= {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}
    mock_aws(config={"stepfunctions": {"execute_state_machine": True}}).start()
    client = boto3.client("stepfunctions")
    machine = client.create_state_machine(name="bench", definition=definition, roleArn=ROLE)["stateMachineArn"]

    def start(value: str) -> str:
        return str(client.start_execution(stateMachineArn=machine, name=uuid.uuid4().hex, input=value)["executionArn"])

    return lambda value, executions: run_all(
        lambda: start(value), lambda arn: str(client.describe_execution(executionArn=arn)["status"]), executions
    )


def ministack(definition: str) -> Run:
    """Return what runs an input with MiniStack, without its HTTP server."""
    from ministack.services import stepfunctions

    def call(action: str, **data: str) -> dict[str, str]:
        headers = {"x-amz-target": f"AWSStepFunctions.{action}"}
        answer = stepfunctions.handle_request("POST", "/", headers, json.dumps(data).encode(), {})
        _status, _headers, body = asyncio.run(answer)
        return dict(json.loads(body))

    machine = call("CreateStateMachine", name="bench", definition=definition, roleArn=ROLE)["stateMachineArn"]

    return lambda value, executions: run_all(
        lambda: call("StartExecution", stateMachineArn=machine, input=value)["executionArn"],
        lambda arn: call("DescribeExecution", executionArn=arn)["status"],
        executions,
    )


def run_all(start: Callable[[], str], status_of: Callable[[str], str], executions: int) -> set[str]:
    """Start executions and return their statuses once all have ended."""
    statuses = set()
    for execution in [start() for _ in range(executions)]:
        while (status := status_of(execution)) == "RUNNING":
            time.sleep(POLL_SECONDS)
        statuses.add(status)
    return statuses


def main() -> None:
    """Run the task, and print the seconds of each run."""
    task = json.loads(sys.argv[1])
    run = {"moto": moto, "ministack": ministack}[task["interpreter"]](json.dumps(task["definition"]))
    seconds = []
    for _ in range(task["runs"] + 1):  # the first run is a warm-up
        begun = time.perf_counter()
        statuses = run(json.dumps(task["input"]), task.get("executions", 1))
        seconds.append(time.perf_counter() - begun)
        if statuses != {"SUCCEEDED"}:
            raise SystemExit(f"{task['interpreter']}: {', '.join(statuses)}")
    print(json.dumps({"seconds": seconds[1:]}), flush=True)


if __name__ == "__main__":
    main()
