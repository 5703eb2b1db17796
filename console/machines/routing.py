"""Aliases of state machines: names that start one or two versions by weight."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from headrace.console.machines import arns, catalog
from headrace.console.machines.errors import MachineServiceError, invalid
from headrace.console.machines.machine_details import timestamp
from headrace.console.machines.port import MachineServices
from headrace.console.machines.settled import settled
from headrace.schemas.parsing import parse_int
from headrace.streams.executions.definitions import AliasRecord, AliasRoute, MachineRecord, key_of_definition

MOST_ALIASES = 100
ALL = 100
"""Sum of the weights of an alias, in percent."""
_REASON = "INVALID_ROUTING_CONFIGURATION"


@dataclass(frozen=True, slots=True)
class RouteDraft:
    """A version by its ARN, and its weight in percent."""

    version_arn: str
    weight: int


async def create_alias(
    services: MachineServices, name: str, drafts: Sequence[RouteDraft], description: str = ""
) -> AliasRecord:
    """Create an alias. The same request again returns the existing one.

    Raises:
        MachineServiceError: The routes are invalid, or an alias with other routes has the name.
    """
    machine, routes = _checked(services, drafts)
    existing = services.table.alias(machine.name, name)
    if existing is not None:
        if (existing.routes, existing.description) != (routes, description):
            raise MachineServiceError(
                "ConflictException",
                "Failed to create alias because an alias with the same name and a different routing configuration"
                " already exists.",
            )
        return existing
    if len(catalog.aliases(services, machine.name)) >= MOST_ALIASES:
        message = f"The state machine has {MOST_ALIASES} aliases. Delete one of them"
        raise MachineServiceError("ServiceQuotaExceededException", message)
    now = timestamp(services.now())
    alias = AliasRecord(
        name=machine.name, alias=name, routes=routes, description=description, created_at=now, updated_at=now
    )
    return await _write(services, alias)


async def update_alias(
    services: MachineServices, alias: AliasRecord, drafts: Sequence[RouteDraft] | None, description: str | None
) -> AliasRecord:
    """Change the routes or the description of an alias.

    Raises:
        MachineServiceError: The routes are invalid.
    """
    if drafts is None and description is None:
        raise invalid(
            "Either the description or the routing configuration must be specified", "MISSING_REQUIRED_PARAMETER"
        )
    routes = alias.routes
    if drafts is not None:
        machine, routes = _checked(services, drafts)
        if machine.name != alias.name:
            raise invalid(f"Routing configuration must contain versions of {alias.name}", _REASON)
    kept = alias.description if description is None else description
    changed = replace(alias, routes=routes, description=kept, updated_at=timestamp(services.now()))
    return await _write(services, changed)


async def put_alias(
    services: MachineServices, name: str, drafts: Sequence[RouteDraft], description: str = ""
) -> AliasRecord:
    """Create an alias, or change its routes.

    Raises:
        MachineServiceError: The routes are invalid.
    """
    machine, _ = _checked(services, drafts)
    existing = services.table.alias(machine.name, name)
    if existing is None:
        return await create_alias(services, name, drafts, description)
    return await update_alias(services, existing, drafts, description or None)


async def delete_alias(services: MachineServices, alias: AliasRecord) -> None:
    """Delete an alias."""
    await services.commands.delete([key_of_definition(alias)])
    await settled(lambda: services.table.alias(alias.name, alias.alias) is None)


async def _write(services: MachineServices, alias: AliasRecord) -> AliasRecord:
    await services.commands.put(alias)
    await settled(lambda: services.table.alias(alias.name, alias.alias) == alias)
    return alias


def _checked(services: MachineServices, drafts: Sequence[RouteDraft]) -> tuple[MachineRecord, tuple[AliasRoute, ...]]:
    """Return the machine and the routes.

    Raises:
        MachineServiceError: They are no versions of one machine, are equal, or their weights do not add up.
    """
    shown = f"[{', '.join(draft.version_arn for draft in drafts)}]"
    parsed = [arns.parse(draft.version_arn, "stateMachine") for draft in drafts]
    if not all(each.qualifier.isdecimal() for each in parsed):
        raise invalid(f"Routing configuration must contain state machine version ARNs. Received: {shown}", _REASON)
    if len({each.text for each in parsed}) < len(parsed):
        message = f"Routing configuration must contain distinct state machine version ARNs. Received: {shown}"
        raise invalid(message, _REASON)
    if sum(draft.weight for draft in drafts) != ALL:
        weights = [draft.weight for draft in drafts]
        raise invalid(f"Sum of routing configuration weights must equal 100. Received: {weights}", _REASON)
    if len({each.unqualified for each in parsed}) > 1:
        raise invalid(f"Routing configuration must contain versions of one state machine. Received: {shown}", _REASON)
    machine = catalog.find(services, parsed[0])
    routes = []
    for each, draft in zip(parsed, drafts, strict=True):
        number = parse_int(each.qualifier)
        if services.table.version(machine.name, number) is None:
            raise MachineServiceError("ResourceNotFound", "Request references a resource that does not exist.")
        routes.append(AliasRoute(number, draft.weight))
    return machine, tuple(routes)
