"""The page of one machine: its graph with the running executions of each state, its versions and its definition."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from starlette.responses import Response

from headrace.console.machines import catalog, documents
from headrace.console.machines.execution_criteria import ExecutionCriteria
from headrace.console.web.pages.machines import criteria, picture
from headrace.console.web.pages.machines.execution import as_text
from headrace.console.web.pages.machines.found import machine_named
from headrace.console.web.request import ConsoleRequest

NEWEST = 10


def show(request: ConsoleRequest) -> Response:
    """Show a machine; for htmx only what changes, and nothing if it did not change."""
    services = request.services.machines()
    record = machine_named(services, request.query.get("name", ""))
    found = documents.machine_document(services, record)
    executions = services.reader.newest(ExecutionCriteria(machine=record.name).filter(services), NEWEST)
    seen = _digest([found["revision"], found["executions"], found["running_states"], [each.arn for each in executions]])
    if request.is_partial and request.query.get("seen") == seen:
        return Response(status_code=204)
    definition = picture.parsed(found["definition"])
    running = found["running_states"]
    values: dict[str, Any] = {
        "record": record,
        "found": found,
        "seen": seen,
        "drawn": picture.draw(definition, picture.running_marks(definition, running), {}),
        "outline": picture.outline(definition),
        "running": sorted(running.items(), key=lambda each: -each[1]),
        "page": criteria.ExecutionPage(ExecutionCriteria(machine=record.name), tuple(executions), ""),
    }
    if request.is_partial:
        return request.render("_machine.html", **values)
    return request.render(
        "machine.html",
        **values,
        versions=catalog.versions(services, record.name),
        aliases=catalog.aliases(services, record.name),
        text=as_text(definition) if definition else found["definition"],
    )


def machine_json(request: ConsoleRequest) -> dict[str, Any]:
    """Return a machine as `headrace machine describe MACHINE --json` prints it."""
    services = request.services.machines()
    return documents.machine_document(services, machine_named(services, request.path["name"]))


def _digest(content: Any) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]
