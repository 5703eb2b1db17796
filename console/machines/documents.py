"""Machines and executions as JSON data: what commands print with `--json`, and the API of the console returns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from msgspec import to_builtins

from headrace.connectors.aws import aws_shapes
from headrace.console.machines import catalog, payloads, starts
from headrace.console.machines.api.history import SERVICE, history_event
from headrace.console.machines.port import MachineServices
from headrace.console.views.queries.executions import ExecutionFilter, StoredEvent, StoredExecution
from headrace.schemas.cloudevents import timestamp
from headrace.schemas.parsing import parse_json
from headrace.streams.executions.definitions import MachineRecord

_TIMES = ("started_at", "stopped_at", "redriven_at")


def machines(services: MachineServices) -> list[MachineRecord]:
    """Return all machines by name."""
    names = (key.removeprefix("machine/") for key in services.table.keys("machine/"))
    return [record for name in names if (record := services.table.machine_record(name)) is not None]


def machine_document(services: MachineServices, record: MachineRecord) -> dict[str, Any]:
    """Return a machine with its definition, and the numbers of its executions and of their open states."""
    return {
        **to_builtins(record),
        "definition": catalog.definition_text(services, record.revision),
        "executions": services.reader.count(ExecutionFilter(machine=record.arn)),
        "running_states": services.reader.running_states(record.arn),
    }


def execution_document(execution: StoredExecution) -> dict[str, Any]:
    """Return an execution. Times are RFC 3339."""
    times = {name: getattr(execution, name) for name in _TIMES}
    shown = {name: None if at is None else timestamp(datetime.fromtimestamp(at, UTC)) for name, at in times.items()}
    return {**asdict(execution), **shown}


def execution_details(services: MachineServices, execution: StoredExecution) -> dict[str, Any]:
    """Return an execution with its input, its output if it has one, and the visits of its states."""
    start, end = payloads.boundaries(services, execution)
    value = start.get("input") if start else starts.input_of(services, execution)
    output = {"output": end["output"]} if "output" in end else {}
    visits = [asdict(visit) for visit in services.reader.visits(execution)]
    return {**execution_document(execution), "input": value, **output, "states": visits}


def events_document(services: MachineServices, events: Sequence[StoredEvent]) -> list[Any]:
    """Return events as AWS returns them."""
    return [parse_json(event_text(services, event)) for event in events]


def event_text(services: MachineServices, event: StoredEvent) -> bytes:
    """Return an event as JSON in one line, as AWS returns it."""
    shape = aws_shapes.service_model(SERVICE).shape_for("HistoryEvent")
    return aws_shapes.encode(history_event(event, payloads.details_of(services, event)), shape)
