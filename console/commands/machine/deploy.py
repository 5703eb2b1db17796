"""`headrace machine deploy`, `versions` and `alias`: definitions on the cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from headrace.console.commands.machine.connection import MachineArgument, MachineJsonOption, with_services
from headrace.console.commands.machine.definition_file import FileArgument
from headrace.console.terminal.output import confirm_or_abort, print_json, print_line
from headrace.console.terminal.user_files import read_document

if TYPE_CHECKING:
    from headrace.console.machines.port import MachineServices
    from headrace.streams.executions.definitions import AliasRecord, MachineRecord

_ROLE = "arn:aws:iam::{account}:role/headrace"


def deploy(
    file: FileArgument,
    name: Annotated[str, typer.Option(help="Name of the state machine; default: that of the file.")] = "",
    machine_type: Annotated[Literal["STANDARD", "EXPRESS"], typer.Option("--type", help="Type of a new one.")] = (
        "STANDARD"
    ),
    role: Annotated[str, typer.Option(help="Role ARN, which $$.Execution.RoleArn has.", show_default=False)] = "",
    publish: Annotated[bool, typer.Option("--publish", help="Publish the revision as a version.")] = False,
    description: Annotated[str, typer.Option(help="Description of the version.", show_default=False)] = "",
    alias: Annotated[str, typer.Option(help="Let this alias start the version; implies --publish.")] = "",
    as_json: MachineJsonOption = False,
) -> None:
    """Create a state machine, or update its definition. Running executions keep the definition they started with.

    Example: headrace machine deploy order.asl.json --publish --alias live
    """
    from headrace.console.commands.machine.definition_file import valid_definition

    text = read_document(file)
    if file != "-":
        valid_definition(file)
    own_name = name or file.rpartition("/")[2].partition(".")[0]

    async def work(services: MachineServices) -> dict[str, Any]:
        record = await _deployed(services, own_name, text, machine_type, role)
        answer = {"name": record.name, "arn": record.arn, "revision": record.revision}
        if not publish and not alias:
            return answer
        from headrace.console.machines import catalog, routing

        version = await catalog.publish(services, record, description)
        answer["version"] = f"{record.arn}:{version.number}"
        if alias:
            await routing.put_alias(services, alias, [routing.RouteDraft(answer["version"], routing.ALL)])
            answer["alias"] = f"{record.arn}:{alias}"
        return answer

    answer = with_services(work)
    if as_json:
        print_json(answer)
        return
    print_line(f"{answer['arn']}: revision {answer['revision'][:12]}")
    for each in ("version", "alias"):
        if each in answer:
            print_line(f"{each}: {answer[each]}")


def versions(
    machine: MachineArgument,
    delete: Annotated[int | None, typer.Option(min=1, help="Delete this version.", show_default=False)] = None,
    as_json: MachineJsonOption = False,
) -> None:
    """List the versions of a state machine, newest first, or delete one."""

    async def work(services: MachineServices) -> list[dict[str, Any]]:
        from msgspec import to_builtins

        from headrace.console.machines import catalog, references

        record = references.find_machine(services, machine)
        if delete is not None:
            await catalog.delete_version(services, record, delete)
        return [to_builtins(version) for version in catalog.versions(services, record.name)]

    found = with_services(work)
    if as_json:
        print_json(found)
        return
    for each in found:
        description = each.get("description", "")
        print_line(f"{each['number']:>4} {each['created_at'][:19]} {each['revision'][:12]} {description}".rstrip())
    if not found:
        print_line("no versions")


def alias(
    machine: MachineArgument,
    name: Annotated[str, typer.Argument(help="Alias to create or change.", show_default=False)] = "",
    routes: Annotated[
        list[str] | None, typer.Argument(help="VERSION, or two VERSION=WEIGHT in percent.", show_default=False)
    ] = None,
    delete: Annotated[bool, typer.Option("--delete", help="Delete the alias.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: MachineJsonOption = False,
) -> None:
    """List the aliases of a state machine, or set the versions that one starts.

    Example: headrace machine alias order live 3=90 4=10
    """
    if delete and not yes:
        confirm_or_abort(f"Delete the alias {name} of {machine}?")

    async def work(services: MachineServices) -> list[dict[str, Any]]:
        from msgspec import to_builtins

        from headrace.console.machines import catalog, references, routing

        record = references.find_machine(services, machine)
        if delete:
            await routing.delete_alias(services, _alias(services, record, name))
        elif name:
            await routing.put_alias(services, name, [_route(record, each) for each in routes or ()])
        return [to_builtins(each) for each in catalog.aliases(services, record.name)]

    found = with_services(work)
    if as_json:
        print_json(found)
        return
    for each in found:
        shown = ", ".join(f"{route['version']}={route['weight']}%" for route in each["routes"])
        print_line(f"{each['alias']} {shown} {each.get('description', '')}".rstrip())
    if not found:
        print_line("no aliases")


async def _deployed(
    services: MachineServices, name: str, text: str, machine_type: Literal["STANDARD", "EXPRESS"], role: str
) -> MachineRecord:
    from headrace.console.machines import catalog

    existing = services.table.machine_record(name)
    if existing is not None:
        return await catalog.update(services, existing, catalog.MachineChange(text, role or None))
    role = role or _ROLE.format(account=services.arns.account)
    return await catalog.create(services, catalog.MachineDraft(name, text, role, machine_type))


def _route(record: MachineRecord, text: str) -> Any:
    from headrace.console.errors import CommandError
    from headrace.console.machines.routing import ALL, RouteDraft
    from headrace.schemas.parsing import InvalidValueError, parse_int

    version, _, weight = text.partition("=")
    try:
        return RouteDraft(f"{record.arn}:{parse_int(version, 1)}", parse_int(weight, 0, ALL) if weight else ALL)
    except InvalidValueError:
        raise CommandError(f"{text}: give VERSION, or VERSION=WEIGHT with a weight from 0 to 100") from None


def _alias(services: MachineServices, record: MachineRecord, name: str) -> AliasRecord:
    from headrace.console.errors import CommandError

    found = services.table.alias(record.name, name)
    if found is None:
        raise CommandError(f"{record.name} has no alias {name}: headrace machine alias {record.name} lists them")
    return found
