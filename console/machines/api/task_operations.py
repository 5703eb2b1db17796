"""Operations on tasks and activities."""

from __future__ import annotations

from headrace.console.machines import activities, answers, arns
from headrace.console.machines.api import paging
from headrace.console.machines.machine_details import moment
from headrace.console.machines.port import ApiParams, MachineServices
from headrace.streams.executions.definitions import ActivityRecord


async def send_task_success(params: ApiParams, services: MachineServices) -> ApiParams:
    """Answer a task."""
    await answers.succeed(services, params["taskToken"], params["output"])
    return {}


async def send_task_failure(params: ApiParams, services: MachineServices) -> ApiParams:
    """Let a task fail."""
    await answers.fail(services, params["taskToken"], params.get("error"), params.get("cause"))
    return {}


async def send_task_heartbeat(params: ApiParams, services: MachineServices) -> ApiParams:
    """Extend the heartbeat of a task."""
    await answers.heartbeat(services, params["taskToken"])
    return {}


async def create_activity(params: ApiParams, services: MachineServices) -> ApiParams:
    """Create an activity."""
    tags = {tag["key"]: tag.get("value", "") for tag in params.get("tags", ())}
    record = await activities.create(services, params["name"], tags)
    return {"activityArn": record.arn, "creationDate": moment(record.created_at)}


async def describe_activity(params: ApiParams, services: MachineServices) -> ApiParams:
    """Return an activity."""
    return _described(activities.find(services, params["activityArn"]))


async def list_activities(params: ApiParams, services: MachineServices) -> ApiParams:
    """List activities by name."""
    names = (key.removeprefix("activity/") for key in services.table.keys("activity/"))
    records = [record for name in names if (record := services.table.activity(name)) is not None]
    chosen, more = paging.page(params, "activities", records, lambda record: record.name)
    return {"activities": [_described(record) for record in chosen], **more}


async def delete_activity(params: ApiParams, services: MachineServices) -> ApiParams:
    """Delete an activity; a missing one is ignored."""
    record = services.table.activity(arns.parse(params["activityArn"], "activity").name)
    if record is not None:
        await activities.delete(services, record)
    return {}


async def get_activity_task(params: ApiParams, services: MachineServices) -> ApiParams:
    """Return a task of an activity; an empty answer if there is none for a minute."""
    record = activities.find(services, params["activityArn"])
    task = await activities.take_task(services, record, activities.POLL_SECONDS)
    return {} if task is None else {"taskToken": task.token, "input": task.input}


def _described(record: ActivityRecord) -> ApiParams:
    return {"activityArn": record.arn, "name": record.name, "creationDate": moment(record.created_at)}
