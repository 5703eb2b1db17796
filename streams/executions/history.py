"""The records of `machines.history`: one for each transition, or several if it has many events."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from headrace.schemas.cloudevents import EventMetadata
from headrace.schemas.ids import derived_id
from headrace.schemas.messages import ProducerRecord
from headrace.schemas.records import ExecutionAdvanced, HistoryEntry
from headrace.streams.executions.open_execution import OpenExecution
from headrace.streams.executions.payload_store import PayloadStore
from headrace.streams.executions.records import RecordWriter
from headrace.streams.machines.execution.advance import ExecutionTransition
from headrace.streams.machines.execution.events import HistoryEvent
from headrace.streams.machines.execution.snapshot import json_bytes

MOST_EVENTS = 500
LARGEST_RECORD = 262_144
"""Bytes of the details in one record."""


async def history_records(
    current: OpenExecution,
    transition: ExecutionTransition,
    cause: EventMetadata,
    writer: RecordWriter,
    payloads: PayloadStore,
) -> list[ProducerRecord]:
    """Return the records of a transition; the details of an event are stored elsewhere if they are large."""
    entries = [await _entry(event, payloads) for event in transition.events]
    return [
        writer.record(
            _advanced(current, part, entries_of_part),
            derived_id(current.execution.id, "machines", current.execution.sequence, part),
            cause,
        )
        for part, entries_of_part in enumerate(_parts(entries))
    ]


def _advanced(current: OpenExecution, part: int, entries: Sequence[HistoryEntry]) -> ExecutionAdvanced:
    execution, origin = current
    return ExecutionAdvanced(
        execution=execution.id,
        name=execution.name,
        machine=execution.machine_id,
        revision=origin.revision,
        version=origin.version,
        alias=origin.alias,
        parent=origin.parent.execution if origin.parent else None,
        map_run=execution.map_run_arn,
        sequence=execution.sequence,
        part=part,
        status=execution.status,
        error=execution.error,
        cause=execution.cause,
        started_at=execution.started_at,
        redrives=execution.redrive_count,
        events=tuple(entries),
    )


async def _entry(event: HistoryEvent, payloads: PayloadStore) -> HistoryEntry:
    details, pointer = json_bytes(event.details), None
    if len(details) > payloads.largest_inline:
        digest = await payloads.store(details)
        pointer, details = payloads.pointer(digest, len(details)), b""
    return HistoryEntry(
        id=event.id,
        previous=event.previous,
        at=event.at,
        type=event.type,
        details=details.decode(),
        pointer=pointer,
    )


def _parts(entries: list[HistoryEntry]) -> Iterator[list[HistoryEntry]]:
    """Yield consecutive entries of bounded number and size; one empty list if there are none."""
    part: list[HistoryEntry] = []
    size = 0
    for entry in entries:
        length = len(entry.details)
        if part and (len(part) == MOST_EVENTS or size + length > LARGEST_RECORD):
            yield part
            part, size = [], 0
        part.append(entry)
        size += length
    yield part
