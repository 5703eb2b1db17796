"""Rows of the tables of executions: tuples in the order of their columns, without their keys. Pure."""

from __future__ import annotations

from typing import NamedTuple


class ExecutionRow(NamedTuple):
    """A row of `executions`."""

    arn: str
    name: str
    machine: str
    revision: str
    version: int | None
    alias: str | None
    parent: str | None
    map_run: str | None
    asset: str | None
    status: str
    started_at: float
    stopped_at: float | None
    redrives: int
    redriven_at: float | None
    error: str | None
    cause: str | None
    last_event: int
    sequence: int
    part: int


class EventRow(NamedTuple):
    """A row of `execution_events`."""

    previous: int
    at: float
    type: str
    details: str
    pointer: str | None
    visit: int
    iteration: int | None


class VisitRow(NamedTuple):
    """A row of `execution_states`."""

    state: str
    type: str
    parent: int
    iteration: int | None
    status: str
    entered_at: float
    exited_at: float | None
    attempts: int
    attempt: int
    last_type: str
    error: str | None
    cause: str | None


class AttemptRow(NamedTuple):
    """A row of `execution_attempts`."""

    visit: int
    kind: str
    resource: str
    status: str
    scheduled_at: float
    started_at: float | None
    ended_at: float | None
    error: str | None
    cause: str | None
    redrives: int
    redriven_at: float | None
    items: int | None
