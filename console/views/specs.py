"""The tables that the fold writes: their key columns, and their other columns in the order of their rows."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Column, Table

from headrace.console.views import tables


@dataclass(frozen=True, slots=True)
class TableSpec:
    """One table. `numbered`: its rows have a number, which comes before their other values."""

    table: Table
    keys: tuple[str, ...]
    numbered: bool = False

    @property
    def name(self) -> str:
        """The name of the table."""
        return self.table.name

    @property
    def key_columns(self) -> tuple[Column[object], ...]:
        """The columns of the key."""
        return tuple(self.table.c[name] for name in self.keys)

    @property
    def values(self) -> tuple[str, ...]:
        """The names of all other columns."""
        return tuple(column.name for column in self.table.columns if column.name not in self.keys)


ASSETS = TableSpec(tables.assets, ("bucket", "key"), numbered=True)
VERSIONS = TableSpec(tables.versions, ("asset_id", "sequencer_order", "version"), numbered=True)
JOBS = TableSpec(tables.jobs, ("token",), numbered=True)
STAGES = TableSpec(tables.stage_states, ("version_id", "stage"))
TIMELINE = TableSpec(tables.timeline, ("version_id", "identity"))
COMPLETIONS = TableSpec(tables.completions, ("job", "identity"))
REMOVALS = TableSpec(tables.removals, ("asset_id", "version"))
COSTS = TableSpec(tables.costs, ("day", "stage", "partition"))
LETTERS = TableSpec(tables.dead_letters, ("id",))
DISPOSITIONS = TableSpec(tables.dispositions, ("letter",))
REPLAYS = TableSpec(tables.replays, ("id",))
AUDIT = TableSpec(tables.audit, ("partition", "offset"))
WORKERS = TableSpec(tables.workers, ("key",))
RULES = TableSpec(tables.rules, ("name",))
PEOPLE = TableSpec(tables.people, ("key",))
DELIVERIES = TableSpec(tables.deliveries, ("rule", "event_id"))
LOSSES = TableSpec(tables.losses, ("id",))
GAPS = TableSpec(tables.gaps, ("topic", "partition", "first"))
UNDECODABLE = TableSpec(tables.undecodable, ("topic", "partition", "offset"))
OFFSETS = TableSpec(tables.offsets, ("topic", "partition"))
TEXTS = TableSpec(tables.text_sources, ("version_id", "stage", "variant"), numbered=True)
EXECUTIONS = TableSpec(tables.executions, ("id",))
EXECUTION_EVENTS = TableSpec(tables.execution_events, ("execution", "event"))
EXECUTION_STATES = TableSpec(tables.execution_states, ("execution", "entered"))
EXECUTION_ATTEMPTS = TableSpec(tables.execution_attempts, ("execution", "scheduled"))

ALL = (
    ASSETS,
    VERSIONS,
    JOBS,
    STAGES,
    TIMELINE,
    COMPLETIONS,
    REMOVALS,
    COSTS,
    LETTERS,
    DISPOSITIONS,
    REPLAYS,
    AUDIT,
    WORKERS,
    RULES,
    PEOPLE,
    DELIVERIES,
    LOSSES,
    GAPS,
    UNDECODABLE,
    OFFSETS,
    TEXTS,
    EXECUTIONS,
    EXECUTION_EVENTS,
    EXECUTION_STATES,
    EXECUTION_ATTEMPTS,
)
