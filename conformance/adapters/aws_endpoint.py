"""Answer vectors with an AWS endpoint, such as MiniStack or moto: `... conformance.adapters.aws_endpoint URL`.

State machines with tasks are unsupported, because an endpoint calls real services in place of the mocks of a vector.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import uuid4

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from conformance.adapters.lines import UnsupportedVectorError, serve

ROLE = "arn:aws:iam::000000000000:role/conformance"
POLL_SECONDS = 0.02
Client = Callable[[str], Any]
"""Returns the client of a service."""


def connected(url: str) -> Client:
    """Return what creates clients of an endpoint, without retries."""
    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}
    config = Config(retries={"total_max_attempts": 1})
    create: Any = boto3.client
    clients: dict[str, Any] = {}

    def client(service: str) -> Any:
        if service not in clients:
            clients[service] = create(service, endpoint_url=url, config=config, **keys)
        return clients[service]

    return client


def event_pattern(client: Client, given: Any) -> dict[str, Any]:
    """Return the verdict of TestEventPattern."""
    texts = {"EventPattern": json.dumps(given["pattern"]), "Event": json.dumps(given["event"])}
    try:
        answer = client("events").test_event_pattern(**texts)
    except ClientError as error:
        if error.response["Error"]["Code"] == "InvalidEventPatternException":
            return {"verdict": "invalid pattern"}
        raise
    if "Result" not in answer:  # moto
        raise UnsupportedVectorError("TestEventPattern answers without a result")
    return {"verdict": "match" if answer["Result"] else "no match"}


def input_transformer(client: Client, given: Any) -> dict[str, Any]:
    """Return what a queue receives as the target of a rule with the transformer."""
    event, name = given["event"], f"conformance-{uuid4().hex}"
    if "$.time" in given["paths"].values():
        raise UnsupportedVectorError("an event with its own time")
    events, sqs = client("events"), client("sqs")
    events.create_event_bus(Name=name)
    events.put_rule(Name=name, EventBusName=name, EventPattern=json.dumps({"source": [event["source"]]}))
    queue = sqs.create_queue(QueueName=name)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    transformer = {"InputPathsMap": given["paths"], "InputTemplate": given["template"]}
    target = {"Id": "queue", "Arn": arn, "InputTransformer": transformer}
    events.put_targets(Rule=name, EventBusName=name, Targets=[target])
    entry = {"Source": event["source"], "DetailType": event["detail-type"], "Detail": json.dumps(event["detail"])}
    events.put_events(Entries=[{"EventBusName": name, **entry}])
    messages = sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=3).get("Messages", [])
    return {"payload": messages[0]["Body"] if messages else None}


def asl_execution(client: Client, given: Any) -> dict[str, Any]:
    """Return the result of an execution."""
    definition = given["definition"]
    text = definition if isinstance(definition, str) else json.dumps(definition)
    if "mocks" in given or '"Type": "Task"' in text:
        raise UnsupportedVectorError("tasks")
    states, name = client("stepfunctions"), f"conformance-{uuid4().hex}"
    try:
        machine = states.create_state_machine(name=name, definition=text, roleArn=ROLE)["stateMachineArn"]
    except ClientError as error:
        return {"status": "INVALID", "error": error.response["Error"]["Code"]}
    execution = states.start_execution(stateMachineArn=machine, input=json.dumps(given["input"]))["executionArn"]
    while (found := states.describe_execution(executionArn=execution))["status"] == "RUNNING":
        time.sleep(POLL_SECONDS)
    result = {name: found[name] for name in ("status", "error", "cause") if name in found}
    return result | ({"output": json.loads(found["output"])} if "output" in found else {})


if __name__ == "__main__":
    endpoint = connected(sys.argv[1])
    serve(
        {
            "event-pattern": partial(event_pattern, endpoint),
            "input-transformer": partial(input_transformer, endpoint),
            "asl-execution": partial(asl_execution, endpoint),
            "asl-specification": partial(asl_execution, endpoint),
        }
    )
