"""Activities: tasks that workers of a user poll for."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec.structs import replace

from headrace.console.machines import arns
from headrace.console.machines.errors import MachineServiceError
from headrace.console.machines.machine_details import timestamp
from headrace.console.machines.port import ActivityTask, MachineServices
from headrace.console.machines.settled import settled
from headrace.console.machines.tags import check_tags
from headrace.streams.executions.definitions import ActivityRecord, key_of_definition

POLL_SECONDS = 60.0
"""Seconds that a worker waits for a task."""


async def create(services: MachineServices, name: str, tags: Mapping[str, str]) -> ActivityRecord:
    """Create an activity, or return the existing one.

    Raises:
        MachineServiceError: The name is invalid.
    """
    arns.check_name(name)
    existing = services.table.activity(name)
    if existing is not None:
        return existing
    arn = services.arns.activity(name)
    check_tags(tags, arn)
    record = ActivityRecord(name=name, arn=arn, created_at=timestamp(services.now()), tags=dict(tags))
    return await _write(services, record)


async def set_tags(services: MachineServices, record: ActivityRecord, tags: Mapping[str, str]) -> None:
    """Replace the tags of an activity.

    Raises:
        MachineServiceError: There are too many.
    """
    check_tags(tags, record.arn)
    await _write(services, replace(record, tags=dict(tags)))


async def delete(services: MachineServices, record: ActivityRecord) -> None:
    """Delete an activity."""
    await services.commands.delete([key_of_definition(record)])
    await settled(lambda: services.table.activity(record.name) is None)


def find(services: MachineServices, arn: str) -> ActivityRecord:
    """Return an activity.

    Raises:
        MachineServiceError: It does not exist.
    """
    record = services.table.activity(arns.parse(arn, "activity").name)
    if record is None or record.arn != arn:
        raise MachineServiceError("ActivityDoesNotExist", f"Activity Does Not Exist: '{arn}'")
    return record


async def take_task(services: MachineServices, record: ActivityRecord, seconds: float) -> ActivityTask | None:
    """Return a task for a worker, or None if there is none for some seconds."""
    task = await services.take_activity_task(record.arn, seconds)
    if task is not None:
        await services.commands.task_started(task.execution, task.task)
    return task


async def _write(services: MachineServices, record: ActivityRecord) -> ActivityRecord:
    await services.commands.put(record)
    await settled(lambda: services.table.activity(record.name) == record)
    return record
