"""List the permissions that a state machine needs, from its definition."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from headrace.console.aws_account.component_permissions import RESOURCES, task_actions
from headrace.console.aws_account.required_permissions import AwsResources, RequiredPermission
from headrace.streams.executions.nested import SERVICE as NESTED
from headrace.streams.executions.tasks.service_task import SDK
from headrace.streams.executions.tasks.stage_task import SERVICE as STAGES
from headrace.streams.machines.execution.resources import parse_resource

DYNAMIC = "{%"
"""The beginning of a JSONata expression."""
QUEUE_URL = re.compile(r"https?://[^/]+/[^/]+/[^/]+")


@dataclass(frozen=True, slots=True)
class MachineNeeds:
    """The permissions of a machine, and what they cannot say.

    `calls` are the actions that the allow-list must contain, such as `rekognition:detectLabels`. `unknown` are the IAM
    actions on resources that only an execution knows.
    """

    calls: tuple[str, ...]
    permissions: tuple[RequiredPermission, ...]
    unknown: tuple[str, ...]

    def not_allowed(self, patterns: Iterable[str]) -> list[str]:
        """Return the calls that an allow-list does not contain."""
        patterns = tuple(patterns)
        return [each for each in self.calls if not any(fnmatchcase(each, pattern) for pattern in patterns)]


def machine_needs(definition: Mapping[str, Any], resources: AwsResources) -> MachineNeeds:
    """Return what the tasks, readers and writers of a valid definition need."""
    calls: set[str] = set()
    found: dict[tuple[str, str], None] = {}
    for state in _states(definition):
        if state.get("Type") == "Task":
            calls.update(call := _task_call(state["Resource"]))
            found |= dict.fromkeys(
                (action, place)
                for each in call
                for action in task_actions((each,))
                for place in _places(action, state["Resource"], _parameters(state), resources)
            )
        for field, action in (("ItemReader", "s3:GetObject"), ("ResultWriter", "s3:PutObject")):
            used = state.get(field, {})
            if "Resource" in used:
                listed = ":listObjects" in used["Resource"]
                need = "s3:ListBucket" if listed else action
                found |= dict.fromkeys((need, each) for each in _places(need, "", _parameters(used), resources))
    known = tuple(RequiredPermission(action, place) for action, place in sorted(found) if place)
    return MachineNeeds(tuple(sorted(calls)), known, tuple(sorted(action for action, place in found if not place)))


def _states(flow: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for state in flow["States"].values():
        yield state
        for inner in (*state.get("Branches", ()), state.get("Iterator"), state.get("ItemProcessor")):
            if inner:
                yield from _states(inner)


def _task_call(text: str) -> tuple[str, ...]:
    """Return the action of AWS that a task calls; nothing for stages, activities, executions and HTTP APIs."""
    resource = parse_resource(text)
    if resource.kind == "LambdaFunction":
        return ("lambda:invoke",)
    if resource.kind == "Activity" or resource.service in ("", NESTED, "http") or resource.service.startswith(STAGES):
        return ()
    return (f"{resource.service.removeprefix(SDK)}:{resource.api.partition('.')[0]}",)


def _parameters(state: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the parameters that are texts, and known before an execution."""
    given = state.get("Parameters", state.get("Arguments"))
    given = given if isinstance(given, dict) else {}
    return {name: each for name, each in given.items() if isinstance(each, str) and not each.startswith(DYNAMIC)}


def _places(action: str, function: str, known: Mapping[str, Any], resources: AwsResources) -> list[str]:
    """Return the resources of an action. An empty text is one that only an execution knows."""
    service = action.partition(":")[0]
    if service == "s3":
        return _objects(action, known, resources)
    if service == "lambda":
        return [_function(function if parse_resource(function).kind == "LambdaFunction" else "", known, resources)]
    if service == "sqs":
        url = known.get("QueueUrl", "")
        return [resources.queue(url) if QUEUE_URL.match(url) else ""]
    if service == "sns":
        return [known.get("TopicArn") or known.get("TargetArn", "")]
    if service == "events":
        return [""]
    pattern = RESOURCES.get(action, "*")
    names = {"partition": resources.partition, "region": resources.region, "account": resources.account}
    return ["" if "{model}" in pattern else pattern.format(**names)]


def _objects(action: str, known: Mapping[str, Any], resources: AwsResources) -> list[str]:
    source = known.get("CopySource", "").lstrip("/")
    if "CopySource" in known and action == "s3:GetObject":
        return [resources.bucket(source)]
    if "Bucket" not in known:
        return [""]
    bucket = resources.bucket(known["Bucket"])
    return [bucket if action == "s3:ListBucket" else f"{bucket}/{known.get('Key', '*')}"]


def _function(arn: str, known: Mapping[str, Any], resources: AwsResources) -> str:
    name = arn or known.get("FunctionName", "")
    if not name or name.startswith("arn:"):
        return name
    return f"arn:{resources.partition}:lambda:{resources.region}:{resources.account}:function:{name}"
