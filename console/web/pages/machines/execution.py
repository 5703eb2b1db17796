"""The page of one execution: graph, timeline and table of its states, and the data of each state."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from markupsafe import Markup
from starlette.responses import Response

from headrace.console.errors import CommandError
from headrace.console.machines import catalog, documents, payloads, starts
from headrace.console.machines.map_states import map_state
from headrace.console.machines.port import MachineServices
from headrace.console.machines.state_data import StateData, state_data
from headrace.console.views.queries.execution_states import StateAttempt, StateVisit
from headrace.console.views.queries.executions import ExecutionFilter, StoredExecution
from headrace.console.web.failures import NotFoundError
from headrace.console.web.pages.machines import picture
from headrace.console.web.pages.machines.found import execution_named, visit_numbered
from headrace.console.web.pages.machines.timeline import ExecutionTimeline, execution_timeline
from headrace.console.web.rendering import address
from headrace.console.web.request import ConsoleRequest
from headrace.schemas.parsing import InvalidValueError, parse_int
from headrace.schemas.safe_text import redact_data

PATH = "/machines/execution"
SHOWN = 300
"""Visits of a page."""
CHILDREN = 20


@dataclass(frozen=True, slots=True)
class ExecutionView:
    """An execution with what its page shows. `first` is the number of visits before those of the timeline."""

    execution: StoredExecution
    visits: Sequence[StateVisit]
    first: int
    timeline: ExecutionTimeline
    drawn: Markup | None
    map_runs: Sequence[StateAttempt]
    children: Sequence[StoredExecution]
    seen: str

    @property
    def is_running(self) -> bool:
        """Whether it may change."""
        return self.execution.status == starts.RUNNING

    @property
    def attempts(self) -> int:
        """The number of attempts of tasks."""
        return sum(visit.attempts for visit in self.visits)

    @property
    def marks(self) -> Mapping[int, str]:
        """The status of each visit for its sign."""
        return {visit.entered: picture.visit_status(visit) for visit in self.visits}


def show(request: ConsoleRequest) -> Response:
    """Show an execution; for htmx only what changes, and nothing if it did not change."""
    services = request.services.machines()
    execution = execution_named(services, request.query.get("arn", ""))
    seen = f"{execution.last_event}-{execution.status}-{execution.redrives}"
    if request.is_partial and request.query.get("seen") == seen:
        return Response(status_code=204)
    view = _view(request, services, execution, seen)
    chosen = visit_numbered(list(view.visits), request.query.get("visit", ""))
    start, end = payloads.boundaries(services, execution)
    value = start["input"] if "input" in start else starts.input_of(services, execution)
    return request.render(
        "_execution.html" if request.is_partial else "execution.html",
        view=view,
        execution=execution,
        machine=execution.machine.rpartition(":")[2],
        start=as_text(value),
        end=as_text(end["output"]) if "output" in end else "",
        chosen=chosen,
        data=state_view(state_data(services, execution, chosen.entered)) if chosen else None,
    )


def execution_json(request: ConsoleRequest) -> dict[str, Any]:
    """Return an execution as `headrace machine describe EXECUTION --json` prints it."""
    services = request.services.machines()
    return documents.execution_details(services, execution_named(services, request.query.get("arn", "")))


def state_json(request: ConsoleRequest) -> dict[str, Any]:
    """Return the data of one visit of a state."""
    services = request.services.machines()
    execution = execution_named(services, request.query.get("arn", ""))
    visit = visit_numbered(services.reader.visits(execution), request.query.get("visit", ""))
    if visit is None:
        raise NotFoundError("name the visit: the number of the event that entered the state")
    data = state_data(services, execution, visit.entered)
    return {
        "visit": asdict(visit),
        **data.input,
        **data.output,
        "variables": data.variables,
        "assigned": data.assigned,
        "events": [asdict(event) for event in data.events],
    }


@dataclass(frozen=True, slots=True)
class StateDataView:
    """The data of a state as texts; an empty text for what is not known yet."""

    parts: tuple[tuple[str, str], ...]
    events: tuple[tuple[int, float, str, str], ...]


def state_view(data: StateData) -> StateDataView:
    """Return the data of a state for a page."""
    parts = [
        ("Input", as_text(data.input["input"]) if data.input else ""),
        ("Output", as_text(data.output["output"]) if data.output else ""),
        ("Variables before", as_text(data.variables) if data.variables else ""),
        ("Assigned variables", as_text(data.assigned) if data.assigned else ""),
    ]
    events = tuple((event.id, event.at, event.type, as_text(event.details)) for event in data.events)
    return StateDataView(tuple((name, text) for name, text in parts if text), events)


def as_text(value: Any) -> str:
    """Format JSON data in lines, without secrets: in the text of JSON, escapes may hide them."""
    return json.dumps(redact_data(value), indent=2, ensure_ascii=False)


def _view(request: ConsoleRequest, services: MachineServices, execution: StoredExecution, seen: str) -> ExecutionView:
    visits = services.reader.visits(execution)
    first = _first(request.query.get("from", ""))
    shown = visits[first : first + SHOWN]
    links = {visit.state: f"{address(PATH, arn=execution.arn, visit=visit.entered)}#state" for visit in visits}
    return ExecutionView(
        execution=execution,
        visits=visits,
        first=first,
        timeline=execution_timeline(execution, shown, request.services.now()),
        drawn=picture.draw(_definition(services, execution), picture.visit_marks(visits), links),
        map_runs=services.reader.map_runs(execution),
        children=[] if execution.map_run else _children(services, execution),
        seen=seen,
    )


def _definition(services: MachineServices, execution: StoredExecution) -> Mapping[str, Any]:
    """Return the definition that an execution runs: of a child of a Map Run, that of its items."""
    text = catalog.definition_text(services, execution.revision)
    run = services.reader.map_run(execution.map_run) if execution.map_run else None
    if run is None:
        return picture.parsed(text)
    state = map_state(text, run.state)
    return state.get("ItemProcessor") or state.get("Iterator") or {}


def _children(services: MachineServices, execution: StoredExecution) -> list[StoredExecution]:
    found = services.reader.newest(ExecutionFilter(parent=execution.arn), CHILDREN)
    return [each for each in found if each.map_run is None]


def _first(text: str) -> int:
    try:
        return parse_int(text, 0) if text else 0
    except InvalidValueError as error:
        raise CommandError(f"the first state is {error}") from None
