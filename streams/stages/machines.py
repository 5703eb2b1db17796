"""Advance executions of state machines: `streams.executions.execution_router`."""

from __future__ import annotations

from headrace.schemas import topics
from headrace.streams.stage import Stage
from headrace.streams.stages._machine_router import BOUND_BY_WORKER

STAGE = Stage(
    topics.MACHINES,
    reads=(topics.MACHINE_INBOX,),
    handler=BOUND_BY_WORKER,
    ordered=True,
    quiet=True,
    follows=(topics.MACHINE_DEFINITIONS, topics.MACHINE_STATE),
    emits=(
        topics.MACHINE_INBOX,
        topics.MACHINE_HISTORY,
        topics.MACHINE_STATE,
        topics.MACHINE_TASKS,
        topics.MACHINE_ACTIVITIES,
    ),
)
