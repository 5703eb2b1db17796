"""Tags of machines and activities."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec.structs import replace

from headrace.console.machines import catalog
from headrace.console.machines.errors import MachineServiceError
from headrace.console.machines.port import MachineServices
from headrace.streams.executions.definitions import MachineRecord

MOST_TAGS = 50


async def set_machine_tags(services: MachineServices, record: MachineRecord, tags: Mapping[str, str]) -> None:
    """Replace the tags of a machine.

    Raises:
        MachineServiceError: There are too many.
    """
    check_tags(tags, record.arn)
    await catalog.write(services, replace(record, tags=dict(tags)))


def check_tags(tags: Mapping[str, str], arn: str) -> None:
    """Check the number of tags.

    Raises:
        MachineServiceError: There are too many.
    """
    if len(tags) > MOST_TAGS:
        raise MachineServiceError("TooManyTags", f"A resource has at most {MOST_TAGS} tags", resourceName=arn)
