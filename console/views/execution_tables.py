"""Tables of executions of state machines: their history, and what it says about states and attempts.

Times are in seconds since 1970. `execution` is a hash of the ARN, so that rows of the history stay small.
"""

from __future__ import annotations

from sqlalchemy import Column, Double, Index, Integer, Table, text

from headrace.console.views.metadata import METADATA, NUMBER, TEXT

executions = Table(
    "executions",
    METADATA,
    Column("id", NUMBER, primary_key=True, autoincrement=False),  # hash of the ARN
    Column("arn", TEXT, nullable=False),
    Column("name", TEXT, nullable=False),
    Column("machine", TEXT, nullable=False),  # ARN
    Column("revision", TEXT, nullable=False),  # SHA-256 of the definition
    Column("version", NUMBER),
    Column("alias", TEXT),
    Column("parent", TEXT),  # ARN of the execution that started it
    Column("map_run", TEXT),  # ARN
    Column("asset", TEXT),  # bucket/key, if the input names one
    Column("status", TEXT, nullable=False),
    Column("started_at", Double, nullable=False),
    Column("stopped_at", Double),
    Column("redrives", Integer, nullable=False),
    Column("redriven_at", Double),
    Column("error", TEXT),
    Column("cause", TEXT),
    Column("last_event", NUMBER, nullable=False),  # id of the last event of the history
    Column("sequence", NUMBER, nullable=False),  # of the last transition
    Column("part", Integer, nullable=False),
    Index(None, "machine", "started_at", "id"),
    Index(None, "status", "started_at", "id"),
    Index(None, "asset", sqlite_where=text("asset IS NOT NULL"), postgresql_where=text("asset IS NOT NULL")),
    Index(
        "ix_executions_map_run",
        "map_run",
        "status",
        sqlite_where=text("map_run IS NOT NULL"),
        postgresql_where=text("map_run IS NOT NULL"),
    ),
    Index(None, "parent", sqlite_where=text("parent IS NOT NULL"), postgresql_where=text("parent IS NOT NULL")),
)

execution_events = Table(
    "execution_events",
    METADATA,
    Column("execution", NUMBER, primary_key=True, autoincrement=False),
    Column("event", NUMBER, primary_key=True, autoincrement=False),  # id in the history, from 1
    Column("previous", NUMBER, nullable=False),
    Column("at", Double, nullable=False),
    Column("type", TEXT, nullable=False),
    Column("details", TEXT, nullable=False),  # JSON; empty if a pointer has them
    Column("pointer", TEXT),  # JSON of the place of large details
    Column("visit", NUMBER, nullable=False),  # event that entered the innermost state around it; 0 outside of states
    Column("iteration", Integer),  # of the innermost Map around it
)

execution_states = Table(
    "execution_states",
    METADATA,
    Column("execution", NUMBER, primary_key=True, autoincrement=False),
    Column("entered", NUMBER, primary_key=True, autoincrement=False),  # event that entered the state
    Column("state", TEXT, nullable=False),
    Column("type", TEXT, nullable=False),
    Column("parent", NUMBER, nullable=False),  # visit of the Parallel or Map state around it; 0 at the top
    Column("iteration", Integer),
    Column("status", TEXT, nullable=False),  # running, succeeded, failed or aborted
    Column("entered_at", Double, nullable=False),
    Column("exited_at", Double),
    Column("attempts", Integer, nullable=False),
    Column("attempt", NUMBER, nullable=False),  # event that scheduled the last attempt; 0 without one
    Column("last_type", TEXT, nullable=False),  # type of the last event within the state itself
    Column("error", TEXT),
    Column("cause", TEXT),
    Index(
        "ix_execution_states_running",
        "execution",
        "state",
        sqlite_where=text("status = 'running'"),
        postgresql_where=text("status = 'running'"),
    ),
)
"""The visits of states. The states of an execution that ended abruptly stay `running`: see `queries.executions`."""

execution_attempts = Table(
    "execution_attempts",
    METADATA,
    Column("execution", NUMBER, primary_key=True, autoincrement=False),
    Column("scheduled", NUMBER, primary_key=True, autoincrement=False),  # event that scheduled it
    Column("visit", NUMBER, nullable=False),
    Column("kind", TEXT, nullable=False),  # Task, LambdaFunction, Activity or MapRun
    Column("resource", TEXT, nullable=False),  # of a MapRun, its ARN
    Column("status", TEXT, nullable=False),  # scheduled, running, submitted, succeeded, failed, timed-out or aborted
    Column("scheduled_at", Double, nullable=False),
    Column("started_at", Double),
    Column("ended_at", Double),
    Column("error", TEXT),
    Column("cause", TEXT),
    Column("redrives", Integer, nullable=False),  # of a MapRun
    Column("redriven_at", Double),
    Column("items", NUMBER),  # of a MapRun
    Index(
        "ix_execution_attempts_map_run",
        "resource",
        sqlite_where=text("kind = 'MapRun'"),
        postgresql_where=text("kind = 'MapRun'"),
    ),
)
"""The attempts of tasks, and the runs of distributed Maps."""
