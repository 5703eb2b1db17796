"""The plan of a redrive of executions, its execution and its progress."""

from __future__ import annotations

import asyncio
import hashlib
import json
from dataclasses import dataclass
from typing import Any

from starlette.responses import Response

from headrace.console.errors import CommandError
from headrace.console.machines import bulk_redrive, catalog, documents, redrive_request, starts
from headrace.console.machines.bulk_redrive import UNSUCCESSFUL
from headrace.console.machines.compatibility import CompatibilityFinding
from headrace.console.machines.port import MachineServices
from headrace.console.machines.redrive_request import BulkRedriveRequest, PlannedRedrive
from headrace.console.machines.state_data import state_data
from headrace.console.views.queries.executions import StoredExecution
from headrace.console.web.failures import NotFoundError
from headrace.console.web.pages.machines.execution import PATH, as_text
from headrace.console.web.pages.machines.found import execution_named
from headrace.console.web.pages.machines.redrive_form import FIELDS, from_form, from_json
from headrace.console.web.rendering import address
from headrace.console.web.request import ConsoleRequest, FormData
from headrace.streams.executions.definitions import VersionRecord

SHOWN = 100
"""Executions of a plan that the page lists."""


@dataclass(frozen=True, slots=True)
class FailedState:
    """A state that runs again, with the input that it had as JSON."""

    finding: CompatibilityFinding
    name: str
    input: str


@dataclass(frozen=True, slots=True)
class SingleRedrive:
    """The only execution of a plan, with the states that run again."""

    execution: StoredExecution
    states: tuple[FailedState, ...]


def show(request: ConsoleRequest) -> Response:
    """Show the form, and the plan of an address. Changes nothing."""
    return _plan_page(request, request.query)


def review(request: ConsoleRequest) -> Response:
    """Show the plan of a form, which may have other inputs. Changes nothing."""
    return _plan_page(request, request.form)


def execute(request: ConsoleRequest) -> Response:
    """Redrive the executions of a plan, if it is still the one that was reviewed."""
    services = request.services.machines()
    planned = redrive_request.plan(services, from_form(request.form))
    if not planned.plan.executions:
        raise CommandError("no execution is left to redrive: nothing was redriven")
    if digest(planned) != request.form.get("digest", ""):
        raise CommandError("the executions changed after the plan was made: nothing was redriven. Plan again")
    if len(planned.plan.executions) > 1:
        run = request.services.machine_redrives.start(services, planned, request.user.name)
        return request.redirect(f"/machines/redrive/run?id={run}")
    [execution] = planned.plan.executions
    asyncio.run(starts.redrive(services, execution, planned.options.inputs, planned.options.revision))
    return request.redirect(address(PATH, arn=execution.arn), notice=f"{execution.name} runs again")


def show_run(request: ConsoleRequest) -> Response:
    """Show the progress of a redrive; for htmx only what changes."""
    run = request.services.machine_redrives.progress(request.query.get("id", ""))
    if run is None:
        raise NotFoundError("this console knows no such redrive: it may have been restarted")
    template = "_machine_redrive_run.html" if request.is_partial else "machine_redrive_run.html"
    return request.render(template, run=run)


def cancel(request: ConsoleRequest) -> Response:
    """Cancel what a redrive has not started."""
    id_ = request.form.get("id", "")
    was_running = request.services.machine_redrives.cancel(id_)
    notice = "what had not started was cancelled" if was_running else "the redrive had ended"
    return request.redirect(f"/machines/redrive/run?id={id_}", notice=notice)


def plan_json(request: ConsoleRequest) -> dict[str, Any]:
    """Return a plan as `headrace machine redrive --json` prints it."""
    return redrive_request.plan(request.services.machines(), from_form(request.query)).document(execute=False)


def execute_json(request: ConsoleRequest) -> dict[str, Any]:
    """Redrive executions in the background, and return the plan with the id of the run."""
    services = request.services.machines()
    planned = redrive_request.plan(services, from_json(request.body))
    run = request.services.machine_redrives.start(services, planned, request.user.name)
    return {**planned.document(execute=True), "run": run}


def run_json(request: ConsoleRequest) -> dict[str, Any]:
    """Return the progress of a redrive."""
    run = request.services.machine_redrives.progress(request.query.get("id", ""))
    if run is None:
        raise NotFoundError("this console knows no such redrive: it may have been restarted")
    return {"id": run.id, "state": run.state, "total": run.total, "done": run.done, "failure": run.failure}


def digest(planned: PlannedRedrive) -> str:
    """Return what identifies the executions of a plan in their present state."""
    places = "\n".join(sorted(f"{each.arn} {each.redrives}" for each in planned.plan.executions))
    return hashlib.sha256(f"{planned.options.revision}\n{places}".encode()).hexdigest()[:32]


def _plan_page(request: ConsoleRequest, form: FormData) -> Response:
    services = request.services.machines()
    wanted = from_form(form)
    names = [record.name for record in documents.machines(services)]
    planned = redrive_request.plan(services, wanted) if wanted.executions or wanted.criteria.machine else None
    return request.render(
        "machine_redrive.html",
        form={name: form.get(name, "") for name in FIELDS},
        executions=wanted.executions,
        inputs={state: json.dumps(value, indent=2) for state, value in wanted.inputs.items()},
        planned=planned,
        digest=digest(planned) if planned else "",
        single=_single(services, wanted, planned) if planned else None,
        names=names,
        versions=_versions(services, wanted),
        statuses=UNSUCCESSFUL,
        shown=SHOWN,
    )


def _single(services: MachineServices, wanted: BulkRedriveRequest, planned: PlannedRedrive) -> SingleRedrive | None:
    """Return the states in which the only execution of a plan continues."""
    if len(wanted.executions) != 1:
        return None
    execution = execution_named(services, wanted.executions[0])
    if starts.redrive_obstacle(execution) is not None:
        return None
    findings = bulk_redrive.findings(services, execution, planned.options.revision or execution.revision)
    entered = {visit.state: visit.entered for visit in services.reader.visits(execution)}
    states = []
    for finding in findings:
        name = finding.state.rpartition(" > ")[2]
        data = state_data(services, execution, entered[name]) if name in entered else None
        states.append(FailedState(finding, name, as_text(data.input.get("input") if data else None)))
    return SingleRedrive(execution, tuple(states))


def _versions(services: MachineServices, wanted: BulkRedriveRequest) -> list[VersionRecord]:
    name = wanted.criteria.machine
    if not name and wanted.executions:
        name = execution_named(services, wanted.executions[0]).machine.rpartition(":")[2]
    return catalog.versions(services, name) if name else []
