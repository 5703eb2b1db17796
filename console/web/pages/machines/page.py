"""The routes of the pages of state machines."""

from __future__ import annotations

from headrace.console.machines.execution_criteria import STATUSES
from headrace.console.web.access.users import UserRole
from headrace.console.web.page import ApiOperation, ApiParameter, WebPage, WebRoute
from headrace.console.web.pages.machines import control, events, execution, listing, machine, map_run, redrive, style

_ARN = ApiParameter("arn", "string", "ARN, or MACHINE/NAME.", required=True)
_FILTER = (
    ApiParameter("machine", "string", "Name of the state machine."),
    ApiParameter("status", "string", "Status.", values=STATUSES),
    ApiParameter("error", "string", "Error."),
    ApiParameter("since", "string", "Started at or after: 2026-03-14T15:09Z, or -2h."),
    ApiParameter("until", "string", "Started at or before."),
)
_LIST = (
    *_FILTER,
    ApiParameter("asset", "string", "Asset in the input: bucket/key."),
    ApiParameter("parent", "string", "ARN of the execution that started it."),
    ApiParameter("map_run", "string", "ARN of the Map Run."),
    ApiParameter("after", "string", "ARN of the last execution of the page before."),
    ApiParameter("limit", "integer", "Maximum number, at most 1,000."),
)
_REDRIVE = (
    *_FILTER,
    ApiParameter("version", "string", "Continue with this version, or latest."),
    ApiParameter("canary", "integer", "Redriven first; the rest only if all of them succeed."),
    ApiParameter("rate", "number", "Executions per second after the canary."),
    ApiParameter("limit", "integer", "Maximum number of executions."),
)

PAGE = WebPage(
    title="Machines",
    path="/machines",
    routes=(
        WebRoute("/machines", listing.show),
        WebRoute("/machines/one", machine.show),
        WebRoute("/machines/execution", execution.show),
        WebRoute("/machines/events", events.show),
        WebRoute("/machines/map-run", map_run.show),
        WebRoute("/machines/picture.css", style.show),
        WebRoute("/machines/redrive", redrive.show),
        WebRoute("/machines/redrive/review", redrive.review, method="POST", role=UserRole.OPERATOR),
        WebRoute("/machines/redrive", redrive.execute, method="POST", role=UserRole.OPERATOR),
        WebRoute("/machines/redrive/run", redrive.show_run),
        WebRoute("/machines/redrive/cancel", redrive.cancel, method="POST", role=UserRole.OPERATOR),
        WebRoute("/machines/stop", control.show, role=UserRole.OPERATOR),
        WebRoute("/machines/stop", control.stop, method="POST", role=UserRole.OPERATOR),
    ),
    api=(
        ApiOperation("/api/machines", listing.machines_json, "List state machines", command="headrace machine list"),
        ApiOperation(
            "/api/machines/{name}",
            machine.machine_json,
            "Show a state machine, with the running executions of each state",
            (ApiParameter("name", "string", "Its name.", required=True),),
            command="headrace machine describe",
        ),
        ApiOperation(
            "/api/executions",
            listing.executions_json,
            "List executions",
            _LIST,
            command="headrace machine list MACHINE",
        ),
        ApiOperation(
            "/api/execution",
            execution.execution_json,
            "Show an execution with its states and attempts",
            (_ARN,),
            command="headrace machine describe",
        ),
        ApiOperation(
            "/api/execution/state",
            execution.state_json,
            "Show the input, output, variables and events of a state of an execution",
            (_ARN, ApiParameter("visit", "integer", "Event that entered the state.", required=True)),
        ),
        ApiOperation(
            "/api/execution/history",
            events.events_json,
            "List the events of an execution",
            (
                _ARN,
                ApiParameter("after", "integer", "Id of the last event of the page before."),
                ApiParameter("limit", "integer", "Maximum number, at most 1,000."),
                ApiParameter("reverse", "string", "1: newest first.", values=("1",)),
            ),
            command="headrace machine history",
        ),
        ApiOperation(
            "/api/execution/stop",
            control.stop_json,
            "Stop an execution",
            (
                _ARN,
                ApiParameter("error", "string", "Error of the execution."),
                ApiParameter("cause", "string", "Cause of the error."),
            ),
            method="POST",
            role=UserRole.OPERATOR,
        ),
        ApiOperation(
            "/api/executions/redrive",
            redrive.plan_json,
            "Plan a redrive",
            (ApiParameter("execution", "string", "ARN, or MACHINE/NAME.", repeats=True), *_REDRIVE),
            command="headrace machine redrive",
        ),
        ApiOperation(
            "/api/executions/redrive",
            redrive.execute_json,
            "Redrive executions in the background",
            (
                ApiParameter("executions", "string", "ARNs, or MACHINE/NAME.", repeats=True),
                ApiParameter("inputs", "object", "Inputs by the name of the failed state."),
                *_REDRIVE,
            ),
            method="POST",
            role=UserRole.OPERATOR,
        ),
        ApiOperation(
            "/api/executions/redrive/run",
            redrive.run_json,
            "Show the progress of a redrive",
            (ApiParameter("id", "string", "Its id.", required=True),),
        ),
        ApiOperation(
            "/api/map-run",
            map_run.map_run_json,
            "Show a run of a distributed Map",
            (ApiParameter("arn", "string", "Its ARN.", required=True),),
        ),
    ),
)
