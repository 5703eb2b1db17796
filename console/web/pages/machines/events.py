"""The page of the history of an execution."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from headrace.console.errors import CommandError
from headrace.console.machines import documents, payloads
from headrace.console.web.pages.machines.execution import as_text
from headrace.console.web.pages.machines.found import execution_named
from headrace.console.web.request import ConsoleRequest, FormData
from headrace.schemas.parsing import InvalidValueError, parse_int

SHOWN = 200
MOST = 1_000
"""Events of one answer of the JSON API."""


def show(request: ConsoleRequest) -> Response:
    """Show the events of an execution, oldest first."""
    services = request.services.machines()
    execution = execution_named(services, request.query.get("arn", ""))
    events = services.reader.events(execution.arn, SHOWN + 1, _number(request.query, "after"))
    shown = events[:SHOWN]
    return request.render(
        "execution_events.html",
        execution=execution,
        machine=execution.machine.rpartition(":")[2],
        events=[(event, as_text(payloads.details_of(services, event))) for event in shown],
        after=shown[-1].id if len(events) > SHOWN else "",
    )


def events_json(request: ConsoleRequest) -> list[Any]:
    """Return events as `headrace machine history --json` prints them, one for each line."""
    services = request.services.machines()
    execution = execution_named(services, request.query.get("arn", ""))
    after, limit = _number(request.query, "after"), _number(request.query, "limit", MOST) or SHOWN
    reverse = request.query.get("reverse") == "1"
    return documents.events_document(services, services.reader.events(execution.arn, limit, after, reverse))


def _number(parameters: FormData, name: str, maximum: int = 2**53) -> int | None:
    text = parameters.get(name, "")
    try:
        return parse_int(text, 1, maximum) if text else None
    except InvalidValueError as error:
        raise CommandError(f"{name} is {error}: a number from 1 to {maximum:,}") from None
