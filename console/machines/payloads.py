"""The details of history events, and the payloads in them."""

from __future__ import annotations

from typing import Any

from headrace.console.machines.port import MachineServices
from headrace.console.views.queries.executions import StoredEvent, StoredExecution
from headrace.streams.executions.json_codec import decode_json

Details = dict[str, Any]


def details_of(services: MachineServices, event: StoredEvent) -> Details:
    """Return the details of an event; large ones are loaded."""
    content = services.load_details(event.pointer) if event.pointer else event.details.encode("utf-8", "surrogatepass")
    details = decode_json(content, Any) if content else {}
    return details if isinstance(details, dict) else {}


def boundaries(services: MachineServices, execution: StoredExecution) -> tuple[Details, Details]:
    """Return the details of the first and the last event of a history: the input and the output."""
    events = services.reader.boundary_events(execution)
    if not events:
        return {}, {}
    first, last = details_of(services, events[0]), details_of(services, events[-1])
    return first, last if execution.status == "SUCCEEDED" else {}
