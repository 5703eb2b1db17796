"""Create, update, publish and delete state machines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from msgspec.structs import replace

from headrace.console.machines.arns import ParsedArn, check_name
from headrace.console.machines.errors import MachineServiceError, machine_missing
from headrace.console.machines.machine_details import (
    LOGGING_OFF,
    TRACING_OFF,
    VersionDetails,
    details_of,
    next_revision_id,
    timestamp,
    with_details,
)
from headrace.console.machines.port import MachineServices
from headrace.console.machines.settled import settled
from headrace.schemas.parsing import parse_int
from headrace.streams.executions.definitions import (
    AliasRecord,
    DefinitionRecord,
    MachineRecord,
    VersionRecord,
    key_of_definition,
    revision_of,
)
from headrace.streams.machines.validation import MachineType, validate

MOST_VERSIONS = 1_000


@dataclass(frozen=True, slots=True)
class MachineDraft:
    """A machine to create. The definition is JSON."""

    name: str
    definition: str
    role_arn: str = ""
    type: MachineType = "STANDARD"
    logging: Mapping[str, Any] = field(default_factory=lambda: LOGGING_OFF)
    tracing: Mapping[str, Any] = field(default_factory=lambda: TRACING_OFF)
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class MachineChange:
    """Changes of a machine; None leaves a field as it is."""

    definition: str | None = None
    role_arn: str | None = None
    logging: Mapping[str, Any] | None = None
    tracing: Mapping[str, Any] | None = None

    @property
    def is_empty(self) -> bool:
        """Whether nothing is to change."""
        return self == MachineChange()


def find(services: MachineServices, arn: ParsedArn) -> MachineRecord:
    """Return the machine of an ARN.

    Raises:
        MachineServiceError: It does not exist.
    """
    record = services.table.machine_record(arn.name)
    if record is None or record.arn != arn.unqualified:
        raise machine_missing(arn.text)
    return record


def definition_text(services: MachineServices, revision: str) -> str:
    """Return a definition as it was deployed; an empty text if it is unknown."""
    return (services.table.definition(revision) or b"").decode(errors="replace")


async def create(services: MachineServices, draft: MachineDraft) -> MachineRecord:
    """Create a machine. The same request again returns the existing one; role and tags are not compared.

    Raises:
        MachineServiceError: The name or the definition is invalid, or another machine has the name.
    """
    check_name(draft.name)
    check_definition(draft.definition, draft.type)
    definition = draft.definition.encode()
    existing = services.table.machine_record(draft.name)
    if existing is not None:
        details = details_of(existing)
        own = (revision_of(definition), draft.type, dict(draft.logging), dict(draft.tracing))
        if own != (existing.revision, existing.type, dict(details.logging), dict(details.tracing)):
            raise MachineServiceError("StateMachineAlreadyExists", f"State Machine Already Exists: '{existing.arn}'")
        return existing
    now = timestamp(services.now())
    record = MachineRecord(
        name=draft.name,
        arn=services.arns.machine(draft.name),
        revision=revision_of(definition),
        role_arn=draft.role_arn,
        type=draft.type,
        created_at=now,
        updated_at=now,
        tags=dict(draft.tags),
    )
    details = replace(details_of(record), logging=dict(draft.logging), tracing=dict(draft.tracing))
    return await write(services, with_details(record, details), definition)


async def update(services: MachineServices, record: MachineRecord, change: MachineChange) -> MachineRecord:
    """Change a machine. Its revision stays the same if nothing differs.

    Raises:
        MachineServiceError: The definition is invalid.
    """
    if change.definition is not None:
        check_definition(change.definition, "EXPRESS" if record.type == "EXPRESS" else "STANDARD")
    details = details_of(record)
    definition = (change.definition or definition_text(services, record.revision)).encode()
    changed = replace(
        record,
        revision=revision_of(definition),
        role_arn=record.role_arn if change.role_arn is None else change.role_arn,
    )
    new = replace(
        details,
        logging=details.logging if change.logging is None else dict(change.logging),
        tracing=details.tracing if change.tracing is None else dict(change.tracing),
    )
    if changed == record and new == details:
        return record
    new = replace(new, revision_id=next_revision_id(record, details), updates=details.updates + 1)
    return await write(services, with_details(changed, new, updated_at=timestamp(services.now())), definition)


async def write(services: MachineServices, record: MachineRecord, definition: bytes | None = None) -> MachineRecord:
    """Write a machine, and wait until it can be read."""
    content = definition_text(services, record.revision).encode() if definition is None else definition
    await services.commands.deploy(record, content)
    await settled(lambda: services.table.machine_record(record.name) == record)
    return record


async def publish(services: MachineServices, record: MachineRecord, description: str = "") -> VersionRecord:
    """Publish the current revision. A revision that is published has one version.

    Raises:
        MachineServiceError: The machine has too many versions.
    """
    details = details_of(record)
    own = VersionDetails(record.role_arn, details.revision_id, details.logging, details.tracing)
    for version in versions(services, record.name):
        if version.revision == record.revision and details.versions.get(str(version.number)) == own:
            return version
    if len(details.versions) >= MOST_VERSIONS:
        message = f"The state machine has {MOST_VERSIONS} versions. Delete one of them"
        raise MachineServiceError("ServiceQuotaExceededException", message)
    number = details.last_version + 1
    new = replace(details, last_version=number, versions={**details.versions, str(number): own})
    await write(services, with_details(record, new))
    version = VersionRecord(
        name=record.name,
        number=number,
        revision=record.revision,
        description=description,
        created_at=timestamp(services.now()),
    )
    await services.commands.put(version)
    await settled(lambda: services.table.version(record.name, number) == version)
    return version


def versions(services: MachineServices, name: str) -> list[VersionRecord]:
    """Return the versions of a machine, newest first."""
    numbers = (key.rpartition("/")[2] for key in services.table.keys(f"version/{name}/"))
    found = [services.table.version(name, parse_int(number)) for number in numbers]
    return sorted((each for each in found if each is not None), key=lambda each: -each.number)


def aliases(services: MachineServices, name: str) -> list[AliasRecord]:
    """Return the aliases of a machine, oldest first."""
    names = (key.rpartition("/")[2] for key in services.table.keys(f"alias/{name}/"))
    found = [services.table.alias(name, alias) for alias in names]
    return sorted((each for each in found if each is not None), key=lambda each: (each.created_at, each.alias))


async def delete(services: MachineServices, record: MachineRecord) -> None:
    """Delete a machine with its versions and aliases. Running executions continue."""
    contents: list[DefinitionRecord] = [record, *versions(services, record.name), *aliases(services, record.name)]
    await services.commands.delete([key_of_definition(content) for content in contents])
    await settled(lambda: services.table.machine_record(record.name) is None)


async def delete_version(services: MachineServices, record: MachineRecord, number: int) -> None:
    """Delete a version; a missing one is ignored.

    Raises:
        MachineServiceError: An alias refers to it.
    """
    version = services.table.version(record.name, number)
    if version is None:
        return
    using = [
        each.alias for each in aliases(services, record.name) if number in {route.version for route in each.routes}
    ]
    if using:
        raise MachineServiceError(
            "ConflictException",
            "Version to be deleted must not be referenced by an alias. Current list of aliases referencing this"
            f" version: [{', '.join(using)}]",
        )
    await services.commands.delete([key_of_definition(version)])
    details = details_of(record)
    left = {name: each for name, each in details.versions.items() if name != str(number)}
    await write(services, with_details(record, replace(details, versions=left)))
    await settled(lambda: services.table.version(record.name, number) is None)


def check_definition(text: str, machine_type: MachineType) -> None:
    """Check a definition.

    Raises:
        MachineServiceError: It has errors.
    """
    verdict = validate(text, machine_type)
    if not verdict.ok:
        raise MachineServiceError("InvalidDefinition", verdict.describe())
