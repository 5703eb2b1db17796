"""Task: submits work, and waits for its result, its timeout or a missing heartbeat."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from datetime import datetime, timedelta

from msgspec.structs import replace

from headrace.streams.machines.definition.model import TaskState
from headrace.streams.machines.definition.values import DynamicValue
from headrace.streams.machines.errors import DATA_LIMIT_EXCEEDED, HEARTBEAT_TIMEOUT, TIMEOUT
from headrace.streams.machines.execution.commands import CancelTask, SetTimer, SubmitTask
from headrace.streams.machines.execution.data_flow import (
    Environment,
    effective_input,
    environment,
    evaluate,
    with_result,
    work_input,
)
from headrace.streams.machines.execution.draft import Draft, StateFailure
from headrace.streams.machines.execution.failures import error_details, fail
from headrace.streams.machines.execution.flow import leave
from headrace.streams.machines.execution.limits import exceeded_limit
from headrace.streams.machines.execution.numbers import invalid, whole_number
from headrace.streams.machines.execution.record import FlowBranch, TaskWork
from headrace.streams.machines.execution.resources import Resource, parse_resource, region_of
from headrace.streams.machines.json_types import Json

LONGEST_TIMEOUT = 99_999_999
"""Seconds: the default of TimeoutSeconds, for which no timer is set."""


def run_task(draft: Draft, branch: FlowBranch, state: TaskState) -> None:
    """Submit the task.

    Raises:
        StatesError: An expression fails.
    """
    resource = parse_resource(state.resource)
    task = f"{branch.id}.{draft.new_key()}"
    token = _token(draft, task) if resource.has_token else None
    env = environment(draft, branch, token)
    effective = effective_input(state.data, env)
    timeout = _seconds(state.timeout, env, effective)
    heartbeat = _seconds(state.heartbeat, env, effective)
    value = work_input(state.data, env)
    credentials = None if state.credentials is None else evaluate(state.credentials, env, effective)
    details = _scheduled(draft, resource, value, timeout, heartbeat)
    if credentials is not None:
        details["taskCredentials"] = credentials
    draft.emit(branch, f"{resource.kind}Scheduled", details)
    command = SubmitTask(task, state.name, state.resource, value, timeout, heartbeat, credentials, token)
    draft.commands.append(command)
    branch.work = TaskWork(
        task=task,
        deadline=_timer(draft, task, "timeout", timeout),
        heartbeat=heartbeat,
        heartbeat_deadline=_timer(draft, task, "heartbeat", heartbeat),
    )


def task_started(draft: Draft, branch: FlowBranch, state: TaskState, work: TaskWork) -> TaskWork:
    """Record that a worker runs the task."""
    if work.started:
        return work
    resource = parse_resource(state.resource)
    draft.emit(branch, f"{resource.kind}Started", _identity(resource))
    branch.work = replace(work, started=True)
    return branch.work


def task_submitted(draft: Draft, branch: FlowBranch, state: TaskState, work: TaskWork, output: Json) -> TaskWork:
    """Record that the service accepted the task and answers later."""
    if work.submitted:
        return work
    work = task_started(draft, branch, state, work)
    resource = parse_resource(state.resource)
    if resource.kind != "Task":
        return work
    draft.emit(branch, "TaskSubmitted", {**_identity(resource), "output": output})
    branch.work = replace(work, submitted=True)
    return branch.work


def task_succeeded(draft: Draft, branch: FlowBranch, state: TaskState, work: TaskWork, output: Json) -> None:
    """Complete the state with the result of its task.

    Raises:
        StatesError: An expression fails.
    """
    resource = parse_resource(state.resource)
    exceeded = exceeded_limit(draft.execution.limits, resource.name, output)
    if exceeded is not None:
        task_failed(draft, branch, state, work, StateFailure(DATA_LIMIT_EXCEEDED, exceeded))
        return
    task_started(draft, branch, state, work)
    branch.work = None
    draft.emit(branch, f"{resource.kind}Succeeded", {**_identity(resource), "output": output})
    leave(draft, branch, state, with_result(state.data, environment(draft, branch), output), state.next)


def task_failed(draft: Draft, branch: FlowBranch, state: TaskState, work: TaskWork, failure: StateFailure) -> None:
    """Let the state fail with the error of its task."""
    task_started(draft, branch, state, work)
    branch.work = None
    resource = parse_resource(state.resource)
    outcome = "TimedOut" if failure.error == TIMEOUT else "Failed"
    details = {**_identity(resource), **error_details(failure.error, failure.cause)}
    draft.emit(branch, f"{resource.kind}{outcome}", details)
    fail(draft, branch, failure)


def task_timed_out(draft: Draft, branch: FlowBranch, state: TaskState, work: TaskWork, kind: str) -> None:
    """Let the state fail if the deadline of a kind of timer has passed."""
    deadline = work.deadline if kind == "timeout" else work.heartbeat_deadline
    if deadline is None or draft.now < deadline:
        return
    names = (HEARTBEAT_TIMEOUT,) if kind == "heartbeat" else ()
    draft.commands.append(CancelTask(work.task))
    task_failed(draft, branch, state, work, StateFailure(TIMEOUT, "", names))


def heartbeat_received(draft: Draft, branch: FlowBranch, work: TaskWork) -> bool:
    """Move the deadline of the next heartbeat, and return whether it moves; the timeout stays.

    A heartbeat that is delivered again is older than the last one and moves nothing.
    """
    due = None if work.heartbeat is None else draft.now + timedelta(seconds=work.heartbeat)
    if due is None or (work.heartbeat_deadline is not None and due <= work.heartbeat_deadline):
        return False
    branch.work = replace(work, heartbeat_deadline=_timer(draft, work.task, "heartbeat", work.heartbeat))
    return True


def _timer(draft: Draft, task: str, kind: str, seconds: float | None) -> datetime | None:
    if seconds is None or seconds >= LONGEST_TIMEOUT:
        return None
    due = draft.now + timedelta(seconds=seconds)
    draft.commands.append(SetTimer(f"{task}.{kind}", due))
    return due


def _token(draft: Draft, task: str) -> str:
    """Return a token that names the execution and the task, and that cannot be guessed."""
    text = f"{draft.execution.id}\n{task}\n{draft.entropy.uuid()}"
    return urlsafe_b64encode(text.encode("utf-8", "surrogatepass")).decode().rstrip("=")


def _seconds(field: DynamicValue | None, env: Environment, effective: Json) -> int | None:
    if field is None:
        return None
    seconds = whole_number(field, env, effective)
    if not 0 <= seconds <= LONGEST_TIMEOUT:
        name = field.field.removesuffix("Path")
        raise invalid(field, f"{name} must be between 0 and {LONGEST_TIMEOUT} but was: {seconds}")
    return seconds


def _scheduled(
    draft: Draft, resource: Resource, value: Json, timeout: float | None, heartbeat: float | None
) -> dict[str, Json]:
    if resource.kind == "Task":
        region = region_of(draft.execution.machine_id)
        details = {**_identity(resource), "region": region, "parameters": value}
    else:
        details = {"resource": resource.text, "input": value}
    if timeout is not None:
        details["timeoutInSeconds"] = timeout
    if heartbeat is not None:
        details["heartbeatInSeconds"] = heartbeat
    return details


def _identity(resource: Resource) -> dict[str, Json]:
    if resource.kind != "Task":
        return {}
    return {"resourceType": resource.service, "resource": resource.api}
