"""The executions recorded from AWS, through boto3 and the API: status, output, error, and the types of the events."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.asl_vectors import definition_text, load_vectors
from tests.support.machine_client import machine_client
from tests.support.machine_engine import MemoryEngine
from tests.unit.streams.machines.local_run.test_recorded_executions import OTHER_EVENTS, comparable

ROLE = "arn:aws:iam::123456789012:role/recorded"
PARTS = 8
"""Parts of the 920 recordings, each with an engine of its own. A part takes 2 s."""


@pytest.mark.parametrize("part", range(PARTS))
def test_recorded_executions(part: int) -> None:
    engine = MemoryEngine(echo=True)
    client = machine_client(engine.services())
    wrong = []
    for number, case in enumerate(load_vectors("localstack-executions")[part::PARTS]):
        engine.use_mocks(case.get("mocks", {}))
        name = f"recorded-{number}"
        machine = client.create_state_machine(name=name, definition=definition_text(case), roleArn=ROLE)
        started = client.start_execution(
            stateMachineArn=machine["stateMachineArn"], input=json.dumps(case["input"]), name=name
        )
        if difference := _difference(client, started["executionArn"], case):
            wrong.append(f"{case['name']}: {difference}")
    assert not wrong


def _difference(client: Any, arn: str, case: dict[str, Any]) -> str:
    described, expected = client.describe_execution(executionArn=arn), case["expected"]
    own = {name: comparable(described[name]) for name in ("status", "output", "error", "cause") if name in described}
    wanted = {name: comparable(value) for name, value in expected.items()}
    own["output"] = comparable(json.loads(described["output"])) if "output" in described else None
    wanted["output"] = comparable(wanted.get("output"))
    if "cause" not in wanted:
        own.pop("cause", None)
    if own != wanted:
        return f"{own} is not {wanted}"
    pages = client.get_paginator("get_execution_history").paginate(executionArn=arn, PaginationConfig={"PageSize": 20})
    types = [event["type"] for page in pages for event in page["events"]]
    if case["name"] in OTHER_EVENTS or "aws_event_types" not in case or types == case["aws_event_types"]:
        return ""
    return f"the events are {types}"
