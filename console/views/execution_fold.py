"""Fold the history of one execution to its visits of states and their attempts. Pure.

An event belongs to the innermost state that was open when the event before it in its branch happened.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from headrace.console.views.execution_rows import AttemptRow, EventRow, VisitRow
from headrace.console.views.stored_text import to_stored
from headrace.schemas.parsing import InvalidValueError, parse_struct
from headrace.schemas.records import HistoryEntry

ENTERED = "StateEntered"
EXITED = "StateExited"
ENDINGS = {"Failed": "failed", "TimedOut": "timed-out", "Succeeded": "succeeded"}
ATTEMPTS = ("Task", "LambdaFunction", "Activity")
EXECUTION_ENDS = frozenset(("ExecutionSucceeded", "ExecutionFailed", "ExecutionAborted", "ExecutionTimedOut"))
MAP_RUN = "MapRun"
LONGEST_TEXT = 2_000
"""Characters of an error or cause that are kept beside a state; the history has all of it."""

_STEPS = {"Started": "running", "Submitted": "submitted"}


class ExecutionFold:
    """The visits and attempts of one execution that some events touch.

    `visits` and `attempts` are the known rows by their event, `events` those of earlier events by id.
    """

    def __init__(
        self, events: Mapping[int, EventRow], visits: Mapping[int, VisitRow], attempts: Mapping[int, AttemptRow]
    ) -> None:
        self.events: dict[int, EventRow] = {}
        self.visits = dict(visits)
        self.attempts = dict(attempts)
        self._earlier = events
        self._lengths: dict[int, int | None] = {}

    def add(self, entry: HistoryEntry) -> None:
        """Add the next event."""
        details = details_of(entry)
        before = self.events.get(entry.previous) or self._earlier.get(entry.previous)
        visit, iteration = (before.visit, before.iteration) if before else (0, None)
        at = entry.at.timestamp()
        if entry.type.endswith(ENTERED):
            visit = self._enter(entry, details, visit, iteration)
        elif entry.type.endswith(EXITED):
            visit = self._exit(details, visit, at, entry.type)
        elif entry.type in EXECUTION_ENDS:
            self._end(entry.type, at)
        else:
            if entry.type == "MapIterationStarted":
                iteration = _number(details.get("index"))
            elif entry.type == "MapStateStarted":
                self._lengths[visit] = _number(details.get("length")) or None  # a reader reads the items later
            self._within(entry, details, visit, at)
        pointer = None if entry.pointer is None else to_stored(msgspec.json.encode(entry.pointer).decode())
        kept = to_stored(entry.details)
        self.events[entry.id] = EventRow(entry.previous, at, to_stored(entry.type), kept, pointer, visit, iteration)

    def _enter(self, entry: HistoryEntry, details: Mapping[str, Any], around: int, iteration: int | None) -> int:
        parent = around
        while parent and parent in self.visits and self.visits[parent].exited_at is not None:
            parent = self.visits[parent].parent
        kind = to_stored(entry.type.removesuffix(ENTERED))
        at, state = entry.at.timestamp(), short(details.get("name")) or ""
        fresh = VisitRow(state, kind, parent, iteration, "running", at, None, 0, 0, to_stored(entry.type), None, None)
        self.visits[entry.id] = fresh
        return entry.id

    def _exit(self, details: Mapping[str, Any], visit: int, at: float, kind: str) -> int:
        """Close the visit of the named state: the innermost, or one around it, also if it failed before a redrive."""
        name = short(details.get("name"))
        while visit in self.visits and (self.visits[visit].state != name or self.visits[visit].status == "succeeded"):
            visit = self.visits[visit].parent
        if visit in self.visits:
            self._close(visit, at)
            row = self.visits[visit]
            self.visits[visit] = row._replace(status="succeeded", exited_at=at, last_type=to_stored(kind))
        return visit

    def _end(self, kind: str, at: float) -> None:
        """Close what is open; the state at the top in which the execution failed has failed."""
        if kind == "ExecutionFailed":
            for number, row in self.visits.items():
                if row.parent == 0 and row.exited_at is None:
                    self.visits[number] = row._replace(status="failed")
        self._close(0, at)

    def _close(self, around: int, at: float) -> None:
        """Close what is open inside a visit, and has failed; 0 stands for the execution."""
        for number, row in self.visits.items():
            if row.exited_at is None and number != around and self._is_inside(row, around):
                status = row.status if row.status in ("failed", "aborted") else "aborted"
                self.visits[number] = row._replace(status=status, exited_at=at)

    def _is_inside(self, row: VisitRow, around: int) -> bool:
        while around and row.parent != around:
            parent = self.visits.get(row.parent)
            if parent is None:
                return False
            row = parent
        return True

    def _within(self, entry: HistoryEntry, details: Mapping[str, Any], visit: int, at: float) -> None:
        row = self.visits.get(visit)
        if row is None:
            return
        kind = entry.type
        row = row._replace(last_type=to_stored(kind))
        if kind.endswith("StateAborted"):
            self.visits[visit] = row._replace(status="aborted", exited_at=at)
            self._change_attempt(row.attempt, status="aborted", ended_at=at)
            return
        error, cause = short(details.get("error")), short(details.get("cause"))
        if kind.endswith("StateFailed") or kind in ("EvaluationFailed", "MapIterationFailed"):
            row = row._replace(status="failed", error=error or row.error, cause=cause or row.cause)
            self.visits[visit] = row
            if kind.endswith("StateFailed"):
                self._close(visit, at)
            return
        self.visits[visit] = self._attempted(entry, details, visit, row, at)

    def _attempted(
        self, entry: HistoryEntry, details: Mapping[str, Any], visit: int, row: VisitRow, at: float
    ) -> VisitRow:
        """Apply an event of a task or of the run of a distributed Map."""
        for kind in (*ATTEMPTS, MAP_RUN):
            step = entry.type.removeprefix(kind)
            if step == entry.type:
                continue
            if step == ("Started" if kind == MAP_RUN else "Scheduled"):
                status = "running" if kind == MAP_RUN else "scheduled"
                resource = _resource(kind, details)
                items = self._lengths.get(visit)
                new = AttemptRow(visit, kind, resource, status, at, None, None, None, None, 0, None, items)
                self.attempts[entry.id] = new
                return row._replace(
                    attempts=row.attempts + 1,
                    attempt=entry.id,
                    status="running",
                    exited_at=None,
                    error=None,
                    cause=None,
                )
            if step == "Redriven":
                count = _number(details.get("redriveCount")) or 0
                self._change_attempt(row.attempt, status="running", ended_at=None, redrives=count, redriven_at=at)
                return row._replace(status="running", exited_at=None)
            return self._progressed(step, details, row, at)
        return row

    def _progressed(self, step: str, details: Mapping[str, Any], row: VisitRow, at: float) -> VisitRow:
        error, cause = short(details.get("error")), short(details.get("cause"))
        if step in _STEPS:
            self._change_attempt(row.attempt, status=_STEPS[step], started_at=at)
        ending = next((name for suffix, name in ENDINGS.items() if step.endswith(suffix)), None)
        if ending is None:
            return row
        self._change_attempt(row.attempt, status=ending, ended_at=at, error=error, cause=cause)
        if ending == "succeeded":
            return row
        return row._replace(status="failed", error=error, cause=cause)

    def _change_attempt(self, number: int, **changes: Any) -> None:
        attempt = self.attempts.get(number)
        if attempt is None or (attempt.ended_at is not None and changes.get("status") == "aborted"):
            return
        if attempt.started_at is not None:
            changes.pop("started_at", None)
        self.attempts[number] = attempt._replace(**changes)


def details_of(entry: HistoryEntry) -> dict[str, Any]:
    """Return the details of an event; nothing if they are stored elsewhere, or are no object."""
    if not entry.details:
        return {}
    try:
        details = parse_struct(entry.details, dict[str, Any])
    except InvalidValueError:
        return {}
    return details


def short(value: Any) -> str | None:
    """Return the stored form of a text, cut to `LONGEST_TEXT`; None for another value."""
    return to_stored(value[:LONGEST_TEXT]) if isinstance(value, str) else None


def _number(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**31 else None


def _resource(kind: str, details: Mapping[str, Any]) -> str:
    if kind == MAP_RUN:
        return short(details.get("mapRunArn")) or ""
    resource = short(details.get("resource")) or ""
    service = short(details.get("resourceType"))
    return f"{service}:{resource}" if service else resource
