"""Run the tasks of state machines: `streams.executions.tasks`."""

from __future__ import annotations

from headrace.schemas import topics
from headrace.streams.stage import Stage
from headrace.streams.stages._machine_router import BOUND_BY_WORKER

STAGE = Stage(
    "machine-tasks",
    reads=(topics.MACHINE_TASKS, topics.JOBS_FINISHED),
    handler=BOUND_BY_WORKER,
    deadline_seconds=960.0,
    follows=(topics.MACHINE_DEFINITIONS,),
    emits=(topics.MACHINE_INBOX,),
    part_of=topics.MACHINES,
)
