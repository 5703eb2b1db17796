"""Machines and clients for the tests of the API."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.support.machine_client import machine_client
from tests.support.machine_engine import FACTORY, MemoryEngine

ROLE = "arn:aws:iam::123456789012:role/r"
TASK = "arn:aws:states:::sns:publish.waitForTaskToken"
ACTIVITY = FACTORY.activity("review")


def passing(result: Any = None) -> dict[str, Any]:
    """Return a machine with one Pass state."""
    return {"StartAt": "State_1", "States": {"State_1": {"Type": "Pass", "Result": result, "End": True}}}


def waiting(**fields: Any) -> dict[str, Any]:
    """Return a machine with one task that is answered by its token."""
    task = {"Type": "Task", "Resource": TASK, "Parameters": {"token.$": "$$.Task.Token"}, **fields, "End": True}
    return {"StartAt": "Ask", "States": {"Ask": task}}


@dataclass
class Machines:
    """A client, its engine, and short forms of calls."""

    engine: MemoryEngine = field(default_factory=MemoryEngine)
    client: Any = None

    def __post_init__(self) -> None:
        self.client = machine_client(self.engine.services())

    def create(self, definition: Any, name: str = "m", **fields: Any) -> str:
        """Create a machine and return its ARN."""
        answer = self.client.create_state_machine(name=name, definition=json.dumps(definition), roleArn=ROLE, **fields)
        return str(answer["stateMachineArn"])

    def start(self, machine: str, value: Any = None, **fields: Any) -> str:
        """Start an execution and return its ARN."""
        given = {} if value is None else {"input": json.dumps(value)}
        return str(self.client.start_execution(stateMachineArn=machine, **given, **fields)["executionArn"])

    def describe(self, execution: str) -> Any:
        """Return the description of an execution."""
        return without_metadata(self.client.describe_execution(executionArn=execution))

    def types(self, execution: str) -> list[str]:
        """Return the types of the events of an execution."""
        return [event["type"] for event in self.client.get_execution_history(executionArn=execution)["events"]]

    def error(self, operation: str, **params: Any) -> tuple[str, str]:
        """Return the code and the message of the error of a call."""
        with pytest.raises(ClientError) as caught:
            getattr(self.client, operation)(**params)
        error = caught.value.response["Error"]
        return error["Code"], error["Message"]


def without_metadata(answer: dict[str, Any]) -> dict[str, Any]:
    """Return a response without the metadata of the call."""
    return {name: value for name, value in answer.items() if name != "ResponseMetadata"}
