"""Operations on aliases, and on tags."""

from __future__ import annotations

from headrace.console.machines import activities, arns, catalog, routing
from headrace.console.machines.api import paging
from headrace.console.machines.errors import MachineServiceError, resource_missing
from headrace.console.machines.machine_details import moment
from headrace.console.machines.port import ApiParams, MachineServices
from headrace.console.machines.routing import RouteDraft
from headrace.console.machines.tags import set_machine_tags
from headrace.streams.executions.definitions import ActivityRecord, AliasRecord, MachineRecord

_MISSING = "Request references a resource that does not exist."


async def create_state_machine_alias(params: ApiParams, services: MachineServices) -> ApiParams:
    """Create an alias."""
    drafts = _drafts(params) or []
    alias = await routing.create_alias(services, params["name"], drafts, params.get("description", ""))
    return {"stateMachineAliasArn": _arn(services, alias), "creationDate": moment(alias.created_at)}


async def update_state_machine_alias(params: ApiParams, services: MachineServices) -> ApiParams:
    """Change an alias."""
    alias = _alias(params, services)
    changed = await routing.update_alias(services, alias, _drafts(params), params.get("description"))
    return {"updateDate": moment(changed.updated_at)}


async def describe_state_machine_alias(params: ApiParams, services: MachineServices) -> ApiParams:
    """Return an alias."""
    alias, arn = _alias(params, services), params["stateMachineAliasArn"]
    machine = arns.parse(arn, "stateMachine").unqualified
    routes = [
        {"stateMachineVersionArn": f"{machine}:{route.version}", "weight": route.weight} for route in alias.routes
    ]
    answer = {
        "stateMachineAliasArn": arn,
        "name": alias.alias,
        "routingConfiguration": routes,
        "creationDate": moment(alias.created_at),
        "updateDate": moment(alias.updated_at),
    }
    return answer | ({"description": alias.description} if alias.description else {})


async def delete_state_machine_alias(params: ApiParams, services: MachineServices) -> ApiParams:
    """Delete an alias; a missing one is ignored."""
    arn = arns.parse(params["stateMachineAliasArn"], "stateMachine")
    alias = services.table.alias(arn.name, arn.qualifier)
    if alias is not None:
        await routing.delete_alias(services, alias)
    return {}


async def list_state_machine_aliases(params: ApiParams, services: MachineServices) -> ApiParams:
    """List the aliases of a machine, or of one version."""
    arn = arns.parse(params["stateMachineArn"], "stateMachine")
    record = catalog.find(services, arn)
    found = [
        alias
        for alias in catalog.aliases(services, record.name)
        if not arn.qualifier or arn.qualifier in {str(route.version) for route in alias.routes}
    ]
    chosen, more = paging.page(params, "aliases", found, lambda alias: alias.alias)
    listed = [
        {"stateMachineAliasArn": _arn(services, alias), "creationDate": moment(alias.created_at)} for alias in chosen
    ]
    return {"stateMachineAliases": listed, **more}


async def tag_resource(params: ApiParams, services: MachineServices) -> ApiParams:
    """Set tags of a machine or an activity."""
    resource = _resource(params, services)
    tags = {**resource.tags, **{tag["key"]: tag.get("value", "") for tag in params["tags"] if "key" in tag}}
    await _set_tags(services, resource, tags)
    return {}


async def untag_resource(params: ApiParams, services: MachineServices) -> ApiParams:
    """Remove tags of a machine or an activity."""
    resource = _resource(params, services)
    await _set_tags(services, resource, {k: v for k, v in resource.tags.items() if k not in params["tagKeys"]})
    return {}


async def list_tags_for_resource(params: ApiParams, services: MachineServices) -> ApiParams:
    """Return the tags of a machine or an activity."""
    return {"tags": [{"key": key, "value": value} for key, value in _resource(params, services).tags.items()]}


async def _set_tags(services: MachineServices, resource: MachineRecord | ActivityRecord, tags: dict[str, str]) -> None:
    if isinstance(resource, MachineRecord):
        await set_machine_tags(services, resource, tags)
    else:
        await activities.set_tags(services, resource, tags)


def _resource(params: ApiParams, services: MachineServices) -> MachineRecord | ActivityRecord:
    text = params["resourceArn"]
    arn = arns.parse(text, "stateMachine", "activity")
    table = services.table
    found = table.activity(arn.name) if arn.kind == "activity" else table.machine_record(arn.name)
    if found is None or found.arn != text:
        raise resource_missing(text)
    return found


def _alias(params: ApiParams, services: MachineServices) -> AliasRecord:
    arn = arns.parse(params["stateMachineAliasArn"], "stateMachine")
    alias = services.table.alias(arn.name, arn.qualifier)
    if alias is None:
        raise MachineServiceError("ResourceNotFound", _MISSING)
    return alias


def _arn(services: MachineServices, alias: AliasRecord) -> str:
    machine = services.table.machine_record(alias.name)
    return f"{machine.arn if machine else services.arns.machine(alias.name)}:{alias.alias}"


def _drafts(params: ApiParams) -> list[RouteDraft] | None:
    routes = params.get("routingConfiguration")
    return None if routes is None else [RouteDraft(each["stateMachineVersionArn"], each["weight"]) for each in routes]
