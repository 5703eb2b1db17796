"""Scenarios of Lambda: the error of a function, and what its destination receives."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

from tests.contract.ai import wait_until
from tests.contract.fidelity.local_aws import LocalAws, LocalQueue, unique
from tests.contract.fidelity.scenario import Answers, Scenario

HANDLER = """
def handler(event, context):
    raise Exception("Test exception (this is intentional)")
"""


def failing(aws: LocalAws) -> tuple[Any, str]:
    """Create a function that raises."""
    functions, name, code = aws.client("lambda"), unique()[:64], io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("handler.py", HANDLER)
    functions.create_function(
        FunctionName=name,
        Runtime="python3.12",
        Role="arn:aws:iam::000000000000:role/r",
        Handler="handler.handler",
        Code={"ZipFile": code.getvalue()},
    )
    wait_until(lambda: functions.get_function(FunctionName=name)["Configuration"].get("State", "Active") == "Active")
    return functions, name


def invoked(aws: LocalAws) -> Answers:
    """Invoke the function and wait for its result."""
    functions, name = failing(aws)
    found = functions.invoke(FunctionName=name, Payload=b'{"raise_error": 1}', LogType="Tail")
    return {"invoke_result": found | {"Payload": json.loads(found["Payload"].read())}}


def failed_to_destination(aws: LocalAws) -> Answers:
    """Invoke the function asynchronously, with a queue as the destination of failures."""
    functions, name = failing(aws)
    queue: LocalQueue = aws.queue()
    config = functions.put_function_event_invoke_config(
        FunctionName=name,
        MaximumRetryAttempts=0,
        DestinationConfig={"OnSuccess": {"Destination": queue.arn}, "OnFailure": {"Destination": queue.arn}},
    )
    functions.invoke(FunctionName=name, InvocationType="Event", Payload=b'{"raise_error": 1}')
    return {"put_function_event_invoke_config": config, "receive_message_result": aws.answer(queue)}


SCENARIOS = (
    Scenario("lambda_destinations", "test_dead_letter_queue", ("lambda:Invoke",), ("invoke_result",), invoked),
    Scenario(
        "lambda_destinations",
        "test_assess_lambda_destination_invocation[payload1]",
        ("Lambda destination to SQS",),
        ("put_function_event_invoke_config", "receive_message_result"),
        failed_to_destination,
    ),
)
