"""Operations on executions."""

from __future__ import annotations

from datetime import UTC, datetime

from headrace.console.machines import arns, catalog, payloads, starts
from headrace.console.machines.api import paging
from headrace.console.machines.api.history import history_event
from headrace.console.machines.errors import MachineServiceError, invalid, resource_missing
from headrace.console.machines.port import ApiParams, MachineServices
from headrace.console.views.queries.executions import ExecutionFilter, ExecutionPosition, StoredExecution
from headrace.streams.machines.json_text import compact

_UNSUPPORTED = "This operation is not supported by this type of state machine"
_INCLUDED = {"included": True}
_BILLED_MEMORY_MB = 64
_BILLED_STEP_MS = 100


async def start_execution(params: ApiParams, services: MachineServices) -> ApiParams:
    """Start an execution."""
    machine = starts.resolve(services, params["stateMachineArn"])
    value = starts.parse_input(params.get("input", "{}"))
    execution = await starts.start(services, machine, params.get("name", ""), value)
    return {"executionArn": execution.arn, "startDate": _time(execution.started_at)}


async def start_sync_execution(params: ApiParams, services: MachineServices) -> ApiParams:
    """Start an execution of an Express machine, and return its result."""
    machine = starts.resolve(services, params["stateMachineArn"])
    if machine.machine.type != "EXPRESS":
        raise MachineServiceError("StateMachineTypeNotSupported", _UNSUPPORTED)
    value = starts.parse_input(params.get("input", "{}"))
    started = await starts.start(services, machine, params.get("name", ""), value)
    ended = await starts.wait_for_end(services, started.arn)
    if ended is None:
        await starts.stop(services, started, None, None)
        return _timed_out(started, services.now(), compact(value))
    described = _described(services, ended)
    names = ("executionArn", "stateMachineArn", "name", "startDate", "stopDate", "status", "error", "cause")
    data = ("input", "inputDetails", "output", "outputDetails")
    duration = int((described["stopDate"] - described["startDate"]).total_seconds() * 1000)
    billed = -(-max(duration, 1) // _BILLED_STEP_MS) * _BILLED_STEP_MS
    answer = {name: described[name] for name in (*names, *data) if name in described}
    answer["status"] = "FAILED" if ended.status == "ABORTED" else ended.status
    billing = {"billedDurationInMilliseconds": billed, "billedMemoryUsedInMB": _BILLED_MEMORY_MB}
    return {**answer, "billingDetails": billing}


async def describe_execution(params: ApiParams, services: MachineServices) -> ApiParams:
    """Return an execution."""
    execution = starts.find(services, params["executionArn"])
    return _described(services, execution, params.get("includedData") != "METADATA_ONLY")


async def list_executions(params: ApiParams, services: MachineServices) -> ApiParams:
    """List the executions of a machine, a version, an alias or a run of a distributed Map, newest first."""
    query = _filter(params, services)
    place = paging.decode_token(params, "executions", tuple[float, str])
    limit = paging.size(params)
    found = services.reader.newest(query, limit + 1, ExecutionPosition(*place) if place else None)
    if place is None:
        found = _with_pending(services, query, found)
    chosen = found[:limit]
    answer: ApiParams = {"executions": [_listed(execution) for execution in chosen]}
    if len(found) > limit:
        answer["nextToken"] = paging.encode_token("executions", (chosen[-1].started_at, chosen[-1].arn))
    return answer


async def stop_execution(params: ApiParams, services: MachineServices) -> ApiParams:
    """Stop an execution."""
    execution = starts.find(services, params["executionArn"])
    return {"stopDate": await starts.stop(services, execution, params.get("error"), params.get("cause"))}


async def get_execution_history(params: ApiParams, services: MachineServices) -> ApiParams:
    """Return events of the history of an execution."""
    execution = starts.find(services, params["executionArn"])
    reverse, limit = params.get("reverseOrder", False), paging.size(params)
    after = paging.decode_token(params, f"history/{reverse}", int)
    with_data = params.get("includeExecutionData", True)
    found = services.reader.events(execution.arn, limit + 1, after, reverse)
    chosen = found[:limit]
    events = [history_event(event, payloads.details_of(services, event), with_data) for event in chosen]
    token = {"nextToken": paging.encode_token(f"history/{reverse}", chosen[-1].id)} if len(found) > limit else {}
    return {"events": events, **token}


async def redrive_execution(params: ApiParams, services: MachineServices) -> ApiParams:
    """Run an execution again from its failed states."""
    execution = starts.find(services, params["executionArn"])
    key = f"redrive/{execution.arn}/{params.get('clientToken', '')}"
    known = services.recent.get(key) if "clientToken" in params else None
    date = known or await starts.redrive(services, execution)
    services.recent.add(key, date)
    return {"redriveDate": date}


def _filter(params: ApiParams, services: MachineServices) -> ExecutionFilter:
    """Return the filter of a request.

    Raises:
        MachineServiceError: It names both a machine and a Map Run, or none of them, or one that does not exist.
    """
    if ("stateMachineArn" in params) == ("mapRunArn" in params):
        raise invalid("Exactly one of stateMachineArn and mapRunArn must be specified", "MISSING_REQUIRED_PARAMETER")
    redriven = {"REDRIVEN": True, "NOT_REDRIVEN": False}.get(params.get("redriveFilter", ""))
    status = params.get("statusFilter")
    if "mapRunArn" in params:
        arn = params["mapRunArn"]
        arns.parse(arn, "mapRun")
        if services.reader.map_run(arn) is None:
            raise resource_missing(arn)
        return ExecutionFilter(map_run=arn, status=status, redriven=redriven)
    if redriven is not None:
        raise invalid("redriveFilter can only be used with mapRunArn")
    parsed = arns.parse(params["stateMachineArn"], "stateMachine")
    machine = catalog.find(services, parsed)
    if machine.type == "EXPRESS":
        raise MachineServiceError("StateMachineTypeNotSupported", _UNSUPPORTED)
    is_version = parsed.qualifier.isdecimal()
    resolved = starts.resolve(services, parsed.text)
    return ExecutionFilter(
        machine=machine.arn,
        version=resolved.version if is_version else None,
        alias=None if is_version else resolved.alias,
        status=status,
    )


def _with_pending(
    services: MachineServices, query: ExecutionFilter, found: list[StoredExecution]
) -> list[StoredExecution]:
    """Add what this process has started, and the views do not show yet."""
    pending = [
        start.execution
        for start in services.pending.all()
        if (query.machine, query.map_run) == (start.execution.machine, None)
        and query.status in (None, starts.RUNNING)
        and query.version in (None, start.execution.version)
        and query.alias in (None, start.execution.alias)
        and services.reader.one(start.execution.arn) is None
    ]
    return sorted([*found, *pending], key=lambda each: -each.started_at) if pending else found


def _described(services: MachineServices, execution: StoredExecution, with_data: bool = True) -> ApiParams:
    answer = {
        **_listed(execution),
        "redriveCount": execution.redrives,
        "redriveStatus": "REDRIVABLE",
    }
    reason = starts.redrive_obstacle(execution)
    if reason is not None:
        by_map_run = execution.map_run is not None and execution.status not in (starts.RUNNING, "SUCCEEDED")
        answer["redriveStatus"] = "REDRIVABLE_BY_MAP_RUN" if by_map_run else "NOT_REDRIVABLE"
        answer["redriveStatusReason"] = reason
    for name in ("error", "cause"):
        if (text := getattr(execution, name)) is not None:
            answer[name] = text
    if not with_data:
        return {**answer, "inputDetails": {"included": False}}
    pending = services.pending.get(execution.arn)
    start, end = payloads.boundaries(services, execution)
    answer |= {"input": compact(pending.input if pending else start.get("input")), "inputDetails": _INCLUDED}
    if "output" in end:
        answer |= {"output": compact(end["output"]), "outputDetails": _INCLUDED}
    return answer


def _listed(execution: StoredExecution) -> ApiParams:
    answer: ApiParams = {
        "executionArn": execution.arn,
        "stateMachineArn": execution.machine,
        "name": execution.name,
        "status": execution.status,
        "startDate": _time(execution.started_at),
        "redriveCount": execution.redrives,
    }
    times = {"stopDate": execution.stopped_at, "redriveDate": execution.redriven_at}
    answer |= {name: _time(at) for name, at in times.items() if at is not None}
    qualified = {
        "stateMachineVersionArn": execution.version,
        "stateMachineAliasArn": execution.alias,
    }
    answer |= {name: f"{execution.machine}:{value}" for name, value in qualified.items() if value is not None}
    return answer | ({"mapRunArn": execution.map_run} if execution.map_run else {})


def _timed_out(execution: StoredExecution, now: datetime, value: str) -> ApiParams:
    return {
        "executionArn": execution.arn,
        "stateMachineArn": execution.machine,
        "name": execution.name,
        "startDate": _time(execution.started_at),
        "stopDate": now,
        "status": "TIMED_OUT",
        "error": "States.Timeout",
        "input": value,
        "inputDetails": _INCLUDED,
    }


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
