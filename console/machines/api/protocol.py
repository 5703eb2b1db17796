"""Answer calls of the wire protocol, which is AWS JSON 1.0."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Final, NamedTuple

import orjson
from botocore.model import Shape

from headrace.connectors.aws import aws_shapes
from headrace.console.errors import CommandError
from headrace.console.machines.api import (
    alias_operations,
    execution_operations,
    machine_operations,
    map_run_operations,
    task_operations,
)
from headrace.console.machines.api.history import SERVICE
from headrace.console.machines.errors import MachineServiceError
from headrace.console.machines.port import ApiParams, MachineServices
from headrace.schemas.parsing import InvalidValueError, parse_json

CONTENT_TYPE = "application/x-amz-json-1.0"
TARGET_PREFIX = "AWSStepFunctions"
LARGEST_BODY = 8 * 2**20
"""Bytes of a request: a definition of 1 MiB, escaped."""

MachineOperation = Callable[[ApiParams, MachineServices], Awaitable[ApiParams]]
log = logging.getLogger(__name__)

OPERATIONS: Final[Mapping[str, MachineOperation]] = {
    "CreateActivity": task_operations.create_activity,
    "CreateStateMachine": machine_operations.create_state_machine,
    "CreateStateMachineAlias": alias_operations.create_state_machine_alias,
    "DeleteActivity": task_operations.delete_activity,
    "DeleteStateMachine": machine_operations.delete_state_machine,
    "DeleteStateMachineAlias": alias_operations.delete_state_machine_alias,
    "DeleteStateMachineVersion": machine_operations.delete_state_machine_version,
    "DescribeActivity": task_operations.describe_activity,
    "DescribeExecution": execution_operations.describe_execution,
    "DescribeMapRun": map_run_operations.describe_map_run,
    "DescribeStateMachine": machine_operations.describe_state_machine,
    "DescribeStateMachineAlias": alias_operations.describe_state_machine_alias,
    "DescribeStateMachineForExecution": machine_operations.describe_state_machine_for_execution,
    "GetActivityTask": task_operations.get_activity_task,
    "GetExecutionHistory": execution_operations.get_execution_history,
    "ListActivities": task_operations.list_activities,
    "ListExecutions": execution_operations.list_executions,
    "ListMapRuns": map_run_operations.list_map_runs,
    "ListStateMachineAliases": alias_operations.list_state_machine_aliases,
    "ListStateMachineVersions": machine_operations.list_state_machine_versions,
    "ListStateMachines": machine_operations.list_state_machines,
    "ListTagsForResource": alias_operations.list_tags_for_resource,
    "PublishStateMachineVersion": machine_operations.publish_state_machine_version,
    "RedriveExecution": execution_operations.redrive_execution,
    "SendTaskFailure": task_operations.send_task_failure,
    "SendTaskHeartbeat": task_operations.send_task_heartbeat,
    "SendTaskSuccess": task_operations.send_task_success,
    "StartExecution": execution_operations.start_execution,
    "StartSyncExecution": execution_operations.start_sync_execution,
    "StopExecution": execution_operations.stop_execution,
    "TagResource": alias_operations.tag_resource,
    "TestState": machine_operations.test_state,
    "UntagResource": alias_operations.untag_resource,
    "UpdateMapRun": map_run_operations.update_map_run,
    "UpdateStateMachine": machine_operations.update_state_machine,
    "UpdateStateMachineAlias": alias_operations.update_state_machine_alias,
    "ValidateStateMachineDefinition": machine_operations.validate_state_machine_definition,
}
"""All operations of the service."""


class WireAnswer(NamedTuple):
    """A response: HTTP status, JSON, and the code of an error."""

    status: int
    body: bytes
    error: str = ""


async def answer(target: str, body: bytes, services: MachineServices) -> WireAnswer:
    """Answer a call. `target` is the header `x-amz-target`: `AWSStepFunctions.StartExecution`."""
    prefix, _, name = target.partition(".")
    operation = OPERATIONS.get(name) if prefix == TARGET_PREFIX else None
    if operation is None:
        return _failed(MachineServiceError("UnknownOperationException", f"'{target[:100]}' is not served here."))
    model = aws_shapes.service_model(SERVICE).operation_model(name)
    try:
        response = await operation(_request(body, model.input_shape), services)
        return WireAnswer(200, aws_shapes.encode(response, model.output_shape))
    except MachineServiceError as error:
        return _failed(error)
    except CommandError as error:  # the views or the results bucket do not answer
        log.warning("operation_unavailable operation=%s reason=%s", name, error)
        return _failed(MachineServiceError("ServiceUnavailable", str(error)), 503)
    except Exception:  # clients retry a server error
        log.exception("operation_failed operation=%s", name)
        return _failed(MachineServiceError("InternalFailure", "Internal failure."), 500)


def _request(body: bytes, shape: Shape | None) -> ApiParams:
    """Decode and validate the members of a request.

    Raises:
        MachineServiceError: The body is no JSON object of this shape.
    """
    try:
        given = parse_json(body or b"{}")
        if not isinstance(given, dict):
            raise InvalidValueError("the request is not a JSON object")
        params: ApiParams = aws_shapes.decode(given, shape) if shape is not None else {}
    except ValueError as error:
        raise MachineServiceError("SerializationException", str(error)) from None
    broken = [] if shape is None else list(aws_shapes.violations(params, shape))
    if broken:
        plural = "s" if len(broken) > 1 else ""
        message = f"{len(broken)} validation error{plural} detected: {'; '.join(broken)}"
        raise MachineServiceError("ValidationException", message)
    return params


def _failed(error: MachineServiceError, status: int = 400) -> WireAnswer:
    body = {"__type": error.code, "message": error.message, **error.fields}
    return WireAnswer(status, orjson.dumps(body), error.code)
