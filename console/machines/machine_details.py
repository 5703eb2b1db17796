"""What the AWS API knows of a machine besides the record of the engine."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID, uuid5

from msgspec import Struct, convert, field, to_builtins
from msgspec.structs import replace

from headrace.schemas.parsing import InvalidValueError, parse_time
from headrace.streams.executions.definitions import MachineRecord

NAMESPACE = UUID("5f0a8d4c-8a51-4a0e-9e5c-8c6a0c1f7d11")
LOGGING_OFF: Final[Mapping[str, Any]] = {"level": "OFF", "includeExecutionData": False}
TRACING_OFF: Final[Mapping[str, Any]] = {"enabled": False}


class VersionDetails(Struct, frozen=True, omit_defaults=True):
    """What a version keeps of the machine at its time."""

    role_arn: str = ""
    revision_id: str = ""
    logging: Mapping[str, Any] = field(default_factory=lambda: dict(LOGGING_OFF))
    tracing: Mapping[str, Any] = field(default_factory=lambda: dict(TRACING_OFF))


class MachineDetails(Struct, frozen=True, omit_defaults=True):
    """`revision_id` is empty until the first update, `updates` counts them; version numbers are never used again."""

    revision_id: str = ""
    updates: int = 0
    last_version: int = 0
    logging: Mapping[str, Any] = field(default_factory=lambda: dict(LOGGING_OFF))
    tracing: Mapping[str, Any] = field(default_factory=lambda: dict(TRACING_OFF))
    versions: Mapping[str, VersionDetails] = {}


def details_of(record: MachineRecord) -> MachineDetails:
    """Return the details of a machine; those of a new machine if another program wrote the record."""
    try:
        return convert(dict(record.extra), MachineDetails)
    except ValueError:
        return MachineDetails()


def with_details(record: MachineRecord, details: MachineDetails, **changes: Any) -> MachineRecord:
    """Return a machine with other details and other fields."""
    return replace(record, extra=to_builtins(details), **changes)


def next_revision_id(record: MachineRecord, details: MachineDetails) -> str:
    """Return the id of the revision after the current one."""
    return str(uuid5(NAMESPACE, f"{record.arn}/{record.created_at}/{details.updates + 1}"))


def timestamp(moment: datetime) -> str:
    """Return a time as the records have it."""
    return moment.astimezone(UTC).isoformat()


def moment(text: str) -> datetime:
    """Return the time of a record; the start of 1970 if it has none."""
    try:
        return parse_time(text)
    except InvalidValueError:
        return datetime.fromtimestamp(0, UTC)
