"""The page of state machines, and the list of executions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from msgspec import to_builtins
from starlette.responses import Response

from headrace.console.machines import documents
from headrace.console.machines.errors import MachineTopicsMissingError
from headrace.console.machines.execution_criteria import STATUSES
from headrace.console.machines.port import MachineServices
from headrace.console.web.pages.machines import criteria
from headrace.console.web.request import ConsoleRequest
from headrace.streams.executions.definitions import MachineRecord

DAY = 86_400.0


@dataclass(frozen=True, slots=True)
class MachineRow:
    """A machine, with its executions that run or have started within a day, by status."""

    record: MachineRecord
    counts: Mapping[str, int]


def show(request: ConsoleRequest) -> Response:
    """List machines and executions; for htmx only executions."""
    try:
        services = request.services.machines()
    except MachineTopicsMissingError as error:
        return request.render("machines_off.html", reason=str(error))
    page = criteria.read_page(services, request.query)
    if request.is_partial:
        return request.render("_executions.html", page=page)
    records = documents.machines(services)
    return request.render(
        "machines.html",
        page=page,
        rows=machine_rows(services, records, request.services.now()),
        statuses=STATUSES,
        names=[record.name for record in records],
    )


def machine_rows(services: MachineServices, records: list[MachineRecord], now: float) -> list[MachineRow]:
    """Return machines with their recent executions, those with the most of them first."""
    counts = services.reader.recent_counts(now - DAY)
    rows = [MachineRow(record, counts.get(record.arn, {})) for record in records]
    return sorted(rows, key=lambda row: (-sum(row.counts.values()), row.record.name))


def machines_json(request: ConsoleRequest) -> list[dict[str, Any]]:
    """Return machines as `headrace machine list --json` prints them."""
    return [to_builtins(record) for record in documents.machines(request.services.machines())]


def executions_json(request: ConsoleRequest) -> list[dict[str, Any]]:
    """Return executions as `headrace machine list MACHINE --json` prints them."""
    page = criteria.read_page(request.services.machines(), request.query, criteria.parse_limit(request.query))
    return [documents.execution_document(each) for each in page.executions]
