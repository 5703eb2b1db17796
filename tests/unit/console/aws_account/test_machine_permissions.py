"""The permissions of a state machine, from its definition."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from headrace.console.app.main import app
from headrace.console.aws_account import checks
from headrace.console.aws_account.checks import AccountPlan
from headrace.console.aws_account.machine_permissions import MachineNeeds, machine_needs
from headrace.console.check_runner import CheckResult
from headrace.streams.settings import StreamSettings
from tests.support.stages import get_stages
from tests.unit.console.aws_account.fake_account import ACCOUNT, QUEUE, RESOURCES, TOPIC
from tests.unit.console.aws_account.test_checks import account, results, settings

SERVICES = "arn:aws:states:::"
LAMBDA = f"arn:aws:lambda:eu-central-1:{ACCOUNT}:function:"

__all__ = ["settings"]


def task(resource: str, **fields: Any) -> dict[str, Any]:
    return {"Type": "Task", "Resource": resource, "End": True, **fields}


def machine(*states: dict[str, Any]) -> dict[str, Any]:
    """Return a definition whose states are the branches of one."""
    branches = [{"StartAt": "S", "States": {"S": state}} for state in states]
    return {"StartAt": "P", "States": {"P": {"Type": "Parallel", "Branches": branches, "End": True}}}


def needs(*states: dict[str, Any]) -> MachineNeeds:
    return machine_needs(machine(*states), RESOURCES)


def permissions(*states: dict[str, Any]) -> list[tuple[str, str]]:
    return [(each.action, each.resource) for each in needs(*states).permissions]


@pytest.mark.parametrize(
    ("resource", "parameters", "action", "place"),
    [
        ("aws-sdk:rekognition:detectLabels", {}, "rekognition:DetectLabels", "*"),
        ("aws-sdk:transcribe:startTranscriptionJob.sync", {}, "transcribe:StartTranscriptionJob", "*"),
        ("lambda:invoke", {"FunctionName": "thumb"}, "lambda:InvokeFunction", f"{LAMBDA}thumb"),
        ("lambda:invoke.waitForTaskToken", {"FunctionName": f"{LAMBDA}t"}, "lambda:InvokeFunction", f"{LAMBDA}t"),
        ("sns:publish", {"TopicArn": TOPIC}, "sns:Publish", TOPIC),
        ("sqs:sendMessage", {"QueueUrl": RESOURCES.queue_urls[0]}, "sqs:SendMessage", QUEUE),
        ("aws-sdk:s3:getObject", {"Bucket": "b", "Key": "k"}, "s3:GetObject", "arn:aws:s3:::b/k"),
        ("aws-sdk:s3:headObject", {"Bucket": "b", "Key.$": "$.k"}, "s3:GetObject", "arn:aws:s3:::b/*"),
        ("aws-sdk:s3:listObjectsV2", {"Bucket": "b"}, "s3:ListBucket", "arn:aws:s3:::b"),
        (
            "aws-sdk:mediaconvert:getJob",
            {},
            "mediaconvert:GetJob",
            f"arn:aws:mediaconvert:eu-central-1:{ACCOUNT}:jobs/*",
        ),
    ],
)
def test_task_needs_its_action_on_what_it_names(
    resource: str, parameters: dict[str, str], action: str, place: str
) -> None:
    assert permissions(task(SERVICES + resource, Parameters=parameters)) == [(action, place)]


def test_copy_reads_one_object_and_writes_another() -> None:
    copy = {"Bucket": "b", "Key": "k", "CopySource": "/a/x"}
    wanted = [("s3:GetObject", "arn:aws:s3:::a/x"), ("s3:PutObject", "arn:aws:s3:::b/k")]
    assert permissions(task(f"{SERVICES}aws-sdk:s3:copyObject", Arguments=copy)) == wanted


def test_function_that_is_the_resource_is_the_one_invoked() -> None:
    found = needs(task(f"{LAMBDA}x"))
    assert [(each.action, each.resource) for each in found.permissions] == [("lambda:InvokeFunction", f"{LAMBDA}x")]
    assert found.calls == ("lambda:invoke",)


@pytest.mark.parametrize(
    ("resource", "parameters", "action"),
    [
        ("lambda:invoke", {"FunctionName.$": "$.name"}, "lambda:InvokeFunction"),
        ("sqs:sendMessage", {"QueueUrl": "{% $url %}"}, "sqs:SendMessage"),
        ("sqs:sendMessage", {"QueueUrl": "no-url"}, "sqs:SendMessage"),
        ("aws-sdk:s3:getObject", {"Bucket.$": "$.bucket"}, "s3:GetObject"),
        ("events:putEvents", {}, "events:PutEvents"),
        ("aws-sdk:bedrockruntime:invokeModel", {"ModelId": "m"}, "bedrock:InvokeModel"),
    ],
)
def test_resource_that_only_an_execution_knows_is_not_guessed(
    resource: str, parameters: dict[str, str], action: str
) -> None:
    found = needs(task(SERVICES + resource, Parameters=parameters))
    assert (found.permissions, found.unknown) == ((), (action,))


@pytest.mark.parametrize(
    "resource",
    [
        "arn:aws:states:::states:startExecution.sync:2",
        "arn:aws:states:::http:invoke",
        "arn:aws:states:::headrace:labels",
        f"arn:aws:states:eu-central-1:{ACCOUNT}:activity:review",
    ],
)
def test_stages_executions_activities_and_http_need_no_action(resource: str) -> None:
    assert needs(task(resource)) == MachineNeeds((), (), ())


def test_reader_and_writer_of_a_map_need_their_objects() -> None:
    processor = {
        "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
        "StartAt": "S",
        "States": {"S": task(f"{SERVICES}aws-sdk:rekognition:detectText")},
    }
    state = {
        "Type": "Map",
        "End": True,
        "ItemProcessor": processor,
        "ItemReader": {"Resource": f"{SERVICES}s3:listObjectsV2", "Parameters": {"Bucket": "in", "Prefix": "x"}},
        "ResultWriter": {"Resource": f"{SERVICES}s3:putObject", "Parameters": {"Bucket": "out", "Prefix": "y"}},
    }
    assert permissions(state) == [
        ("rekognition:DetectText", "*"),
        ("s3:ListBucket", "arn:aws:s3:::in"),
        ("s3:PutObject", "arn:aws:s3:::out/*"),
    ]
    read = {**state, "ItemReader": {"Resource": f"{SERVICES}s3:getObject", "Parameters": {"Bucket": "in", "Key": "k"}}}
    assert ("s3:GetObject", "arn:aws:s3:::in/k") in permissions(read)


def test_actions_that_the_allow_list_lacks_are_named() -> None:
    found = needs(task(f"{SERVICES}aws-sdk:dynamodb:putItem"), task(f"{SERVICES}aws-sdk:rekognition:detectText"))
    assert found.not_allowed(StreamSettings.model_construct().task_actions) == ["dynamodb:putItem"]
    assert found.not_allowed(("*:put*", "rekognition:detectText")) == []


def plan(*states: dict[str, Any], components: tuple[str, ...] = ()) -> AccountPlan:
    return AccountPlan(get_stages(["thumbnails"]), (), components, machines={"intake": machine(*states)})


def test_denied_action_of_a_machine_fails_and_names_it() -> None:
    aws = account()
    aws.answers["iam.simulate_principal_policy"] = lambda sent: {
        "EvaluationResults": [
            {"EvalActionName": each, "EvalDecision": "implicitDeny" if each.startswith("rekog") else "allowed"}
            for each in sent["ActionNames"]
        ]
    }
    found = results(aws, plan(task(f"{SERVICES}aws-sdk:rekognition:detectText")))
    denied = {part: each.message for part, each in found.items() if each.ok is False}
    assert denied == {"rekognition:DetectText": "no policy allows it; needed by machine intake"}
    assert found["machine intake"].message == "HEADRACE_MACHINE_ACTIONS allows rekognition:detectText"


def test_machine_is_a_component_with_its_allow_list_and_what_is_not_checked() -> None:
    states = (task(f"{SERVICES}aws-sdk:dynamodb:putItem"), task(f"{SERVICES}events:putEvents"))
    found = results(account(), plan(*states, components=("machine intake",)))
    assert found["machine intake"].ok is False
    assert found["machine intake"].remedy.startswith("add dynamodb:putItem to HEADRACE_MACHINE_ACTIONS")
    assert found["events:PutEvents"].ok is None
    assert "dynamodb:PutItem" in found
    assert not any(part.startswith("s3:") for part in found)
    assert "machine intake" not in results(account(), plan(*states, components=("bridge",)))


def test_command_reads_the_definition_and_names_it_by_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plans: list[AccountPlan] = []

    def run_account_checks(_: object, plan: AccountPlan) -> Iterator[CheckResult]:
        plans.append(plan)
        return iter(())

    monkeypatch.setattr(checks, "run_account_checks", run_account_checks)
    file = tmp_path / "intake.asl.json"
    definition = machine(task(f"{SERVICES}aws-sdk:rekognition:detectText"))
    file.write_text(json.dumps(definition))
    arguments = ["doctor", "--aws", "--machine", str(file), "--component", "machine intake"]
    assert CliRunner().invoke(app, arguments).exit_code == 0
    assert plans[0].machines == {"intake": definition}
    file.write_text("{}")
    assert "has 1 error" in CliRunner().invoke(app, arguments).output
    assert "need --aws" in CliRunner().invoke(app, ["doctor", "--machine", str(file)]).output
