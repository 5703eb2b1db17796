"""Apply transitions of executions: the row of the execution, its events, and the states and attempts they touch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from headrace.console.views import specs
from headrace.console.views.execution_fold import EXECUTION_ENDS, ExecutionFold, details_of
from headrace.console.views.execution_rows import AttemptRow, EventRow, ExecutionRow, VisitRow
from headrace.console.views.specs import TableSpec
from headrace.console.views.store import Key, Store, Values
from headrace.console.views.stored_text import to_stored
from headrace.schemas.records import ExecutionAdvanced, HistoryEntry

DEEPEST = 100
"""Levels of Parallel and Map states around an event that are loaded."""

Loaded = dict[int, dict[int, Any]]
"""Rows by execution and event."""


def apply_executions(transitions: Mapping[int, Sequence[ExecutionAdvanced]], store: Store) -> None:
    """Write transitions that the store does not have yet; they are in the order of their partition."""
    known = {key[0]: ExecutionRow(*row) for key, row in store.load(specs.EXECUTIONS, _keys(transitions)).items()}
    fresh = {number: _fresh(known.get(number), records) for number, records in transitions.items()}
    fresh = {number: records for number, records in fresh.items() if records}
    events = _load(store, specs.EXECUTION_EVENTS, EventRow, _previous(fresh))
    visits = _load_visits(store, events)
    last = ((number, row.attempt) for number, rows in visits.items() for row in rows.values() if row.attempt)
    attempts = _load(store, specs.EXECUTION_ATTEMPTS, AttemptRow, last)
    for number, records in fresh.items():
        fold = ExecutionFold(events.get(number, {}), visits.get(number, {}), attempts.get(number, {}))
        for record in records:
            for entry in record.events:
                fold.add(entry)
        store.insert(specs.EXECUTION_EVENTS, {(number, id_): row for id_, row in fold.events.items()})
        _write(store, specs.EXECUTION_STATES, number, fold.visits, visits.get(number, {}))
        _write(store, specs.EXECUTION_ATTEMPTS, number, fold.attempts, attempts.get(number, {}))
    rows = {number: _row(known.get(number), records) for number, records in fresh.items()}
    store.insert(specs.EXECUTIONS, {(number,): row for number, row in rows.items() if number not in known})
    store.update(specs.EXECUTIONS, {(number,): row for number, row in rows.items() if number in known})


def asset_of(value: Any) -> str | None:
    """Return the asset that an input names, `bucket/key`: itself, in `asset` or in `detail`, or as an S3 event."""
    for place in (value, *(value.get(name) for name in ("asset", "detail", "data"))) if isinstance(value, dict) else ():
        if not isinstance(place, dict):
            continue
        bucket, key = place.get("bucket"), place.get("key")
        if isinstance(place.get("asset"), dict):
            bucket, key = place["asset"].get("bucket"), place["asset"].get("key")
        if isinstance(bucket, dict) and isinstance(place.get("object"), dict):  # the event of S3 through EventBridge
            bucket, key = bucket.get("name"), place["object"].get("key")
        if isinstance(bucket, str) and isinstance(key, str) and len(f"{bucket}/{key}".encode()) <= LONGEST_ASSET:
            return f"{bucket}/{key}"
    return None


LONGEST_ASSET = 1_300


def _keys(numbers: Iterable[int]) -> list[Key]:
    return [(number,) for number in sorted(numbers)]


def _fresh(known: ExecutionRow | None, records: Sequence[ExecutionAdvanced]) -> list[ExecutionAdvanced]:
    """Drop redelivered transitions."""
    last = (known.sequence, known.part) if known else (-1, -1)
    fresh = []
    for record in records:
        if (record.sequence, record.part) > last:
            fresh.append(record)
            last = (record.sequence, record.part)
    return fresh


def _previous(fresh: Mapping[int, Sequence[ExecutionAdvanced]]) -> Iterable[tuple[int, int]]:
    """Yield the events before those of the batch."""
    for number, records in fresh.items():
        own = {entry.id for record in records for entry in record.events}
        before = {entry.previous for record in records for entry in record.events}
        yield from ((number, previous) for previous in sorted(before - own - {0}))


def _load_visits(store: Store, events: Loaded) -> Loaded:
    """Load the visits of some events, and those around them."""
    visits: Loaded = {}
    wanted = {(number, row.visit) for number, rows in events.items() for row in rows.values() if row.visit}
    for _ in range(DEEPEST):
        if not wanted:
            break
        found = _load(store, specs.EXECUTION_STATES, VisitRow, sorted(wanted))
        wanted = set()
        for number, rows in found.items():
            visits.setdefault(number, {}).update(rows)
            wanted |= {(number, row.parent) for row in rows.values() if row.parent and row.parent not in visits[number]}
    return visits


def _load(store: Store, spec: TableSpec, kind: Any, keys: Iterable[tuple[int, int]]) -> Loaded:
    found: Loaded = {}
    for (number, event), row in store.load(spec, list(keys)).items():
        found.setdefault(number, {})[event] = kind(*row)
    return found


def _write(store: Store, spec: TableSpec, number: int, rows: Mapping[int, Values], known: Mapping[int, Values]) -> None:
    store.insert(spec, {(number, id_): row for id_, row in rows.items() if id_ not in known})
    store.update(spec, {(number, id_): row for id_, row in rows.items() if id_ in known and row != known[id_]})


def _row(known: ExecutionRow | None, records: Sequence[ExecutionAdvanced]) -> ExecutionRow:
    """Return the row of an execution after some transitions."""
    last, entries = records[-1], [entry for record in records for entry in record.events]
    row = known or _first(records[0], entries)
    redriven = [entry.at.timestamp() for entry in entries if entry.type == "ExecutionRedriven"]
    ended = [entry.at.timestamp() for entry in entries if entry.type in EXECUTION_ENDS]
    is_open = last.status == "RUNNING"
    return row._replace(
        revision=to_stored(last.revision),
        status=to_stored(last.status),
        stopped_at=None if is_open else (ended[-1] if ended else row.stopped_at),
        redrives=last.redrives,
        redriven_at=redriven[-1] if redriven else row.redriven_at,
        error=_text(last.error),
        cause=_text(last.cause),
        last_event=max([entry.id for entry in entries], default=row.last_event),
        sequence=last.sequence,
        part=last.part,
    )


def _first(record: ExecutionAdvanced, entries: Sequence[HistoryEntry]) -> ExecutionRow:
    started = next((details_of(entry) for entry in entries if entry.type == "ExecutionStarted"), {})
    return ExecutionRow(
        arn=to_stored(record.execution),
        name=to_stored(record.name),
        machine=to_stored(record.machine),
        revision=to_stored(record.revision),
        version=record.version,
        alias=_text(record.alias),
        parent=_text(record.parent),
        map_run=_text(record.map_run),
        asset=_text(asset_of(started.get("input"))),
        status=to_stored(record.status),
        started_at=record.started_at.timestamp(),
        stopped_at=None,
        redrives=0,
        redriven_at=None,
        error=None,
        cause=None,
        last_event=0,
        sequence=0,
        part=0,
    )


def _text(value: str | None) -> str | None:
    return None if value is None else to_stored(value)
