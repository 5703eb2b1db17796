"""`headrace faces`: the people that `face-search` found, and their names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from headrace.console.commands.replay.common import DRY_RUN, ExecuteOption, connect
from headrace.console.terminal.output import print_json, print_line

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from headrace.console.views.queries.history import Connect
    from headrace.console.views.queries.people_directory import DirectoryEntry

app = typer.Typer(no_args_is_help=True, help="Name, merge and forget the people that face-search found.")

WIDTH = 1000
PersonArgument = Annotated[
    str, typer.Argument(metavar="PERSON", help="A name, the id of a face, or the beginning of an id.")
]


@app.command("list")
def show(
    unnamed: Annotated[bool, typer.Option("--unnamed", help="Only people without a name.")] = False,
    limit: Annotated[int, typer.Option(min=1, help="Maximum number of people.")] = 100,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List people: those with a name first, then those found last."""
    from headrace.console.commands.view_source import require_views
    from headrace.console.views.queries import people_directory

    views = require_views()
    with views.connect() as connection:
        found = people_directory.directory(connection, limit, named=not unnamed)
    pictures = _pictures(views.connect, found.people)
    if as_json:
        print_json([_entry_json(each, pictures) for each in found.people])
        return
    from headrace.console.terminal.screen import Console, Table, Text

    columns = ("person", "name", "faces", "assets", "newest asset", *(["picture"] if pictures else []))
    table = Table(*columns, box=None, pad_edge=False, header_style="bold")
    for each in found.people:
        name = Text(each.person.name) if each.person.name else Text("-", "dim")
        shown = [Text(pictures.get(each.person.id, "-"))] if pictures else []
        numbers = str(len(each.person.faces)), str(each.assets)
        table.add_row(Text(each.person.id[:8]), name, *numbers, Text(each.newest), *shown)
    if found.people:
        Console(width=WIDTH).print(table)
    else:
        print_line("no people: the stage face-search finds them")
    if found.has_more:
        print_line("there are more people: raise --limit", error=True)


@app.command()
def name(
    person: PersonArgument, new: Annotated[str, typer.Argument(metavar="NAME", help="The name of the person.")]
) -> None:
    """Give a person a name, in every earlier and later asset. No service is called."""
    from headrace.console.commands.view_source import require_views
    from headrace.console.faces import directory
    from headrace.console.views.queries import people

    words = directory.checked_name(new)
    views = require_views()
    found = directory.find_person(views.connect, person)
    with views.connect() as connection:
        number = len(people.assets_with(connection, found.faces))
    directory.name_person(connect(), found, words)
    print_line(f"{found.id[:8]} is {words}, in {_assets(number)}")


@app.command()
def merge(
    person: PersonArgument,
    other: Annotated[str, typer.Argument(metavar="OTHER", help="The person who is the same one.")],
) -> None:
    """Make two people one, who keeps the first name. No service is called."""
    from headrace.console.commands.view_source import require_views
    from headrace.console.errors import CommandError
    from headrace.console.faces import directory

    views = require_views()
    kept, merged = (directory.find_person(views.connect, each) for each in (person, other))
    if kept.faces == merged.faces:
        raise CommandError(f"{person} and {other} are the same person already")
    directory.merge_people(connect(), kept, merged)
    named = kept.name or merged.name
    print_line(f"{kept.id[:8]} and {merged.id[:8]} are one person" + (f", {named}" if named else ""))


@app.command()
def forget(
    person: PersonArgument,
    reason: Annotated[str, typer.Option(help="Why, for the audit log. Do not write the name.")] = "",
    collection: Annotated[
        str, typer.Option(help="Collection of the faces (default: that of the pipeline file).", show_default=False)
    ] = "",
    execute: ExecuteOption = False,
) -> None:
    """Delete a person's faces from the collection, with their pictures, names and links. It is audited."""
    from functools import partial

    from headrace.connectors.aws.client import AwsSession
    from headrace.console import aws
    from headrace.console.commands.view_source import require_views
    from headrace.console.faces import directory
    from headrace.console.faces import forget as forgetting

    views = require_views()
    found = directory.find_person(views.connect, person)
    session = AwsSession()
    plan = forgetting.plan_forget(views.connect, found, collection or _collection(), partial(aws.list_keys, session))
    print_line(f"{len(found.faces)} faces of the collection {plan.collection}")
    print_line(f"{len(plan.pictures)} pictures of faces")
    print_line(f"{len(plan.facts)} names and links")
    print_line(f"seen in {_assets(len(plan.assets))}, which are kept")
    if not execute:
        print_line(DRY_RUN)
        return
    deletions = forgetting.Deletions(partial(aws.delete_faces, session), partial(aws.delete_object, session))
    deleted = forgetting.forget(connect(), deletions, plan, reason)
    print_line(f"forgotten: {deleted} faces deleted")
    if deleted < len(found.faces):
        print_line(f"{len(found.faces) - deleted} faces were not in the collection", error=True)


def _pictures(connect: Connect, entries: Sequence[DirectoryEntry]) -> dict[str, str]:
    """Return the location of a picture of each person; none while the stage stores no pictures."""
    if not _settings().get("thumbnails"):
        return {}
    from functools import partial

    from headrace.connectors.aws.client import AwsSession
    from headrace.console import aws
    from headrace.console.faces.pictures import find_picture

    list_keys = partial(aws.list_keys, AwsSession())
    found = {each.person.id: find_picture(connect, each.person, list_keys) for each in entries}
    return {person: picture.url for person, picture in found.items() if picture}


def _collection() -> str:
    """Return the collection of the pipeline file, or the default one."""
    from headrace.streams.people import DEFAULT_COLLECTION

    return str(_settings().get("collection", DEFAULT_COLLECTION))


def _settings() -> Mapping[str, Any]:
    """Return the settings of the stage in the pipeline file."""
    from headrace.streams import pipeline

    return pipeline.load_config().stages.get("face-search", {})


def _assets(number: int) -> str:
    from headrace.console.terminal.formatting import pluralize

    return pluralize(number, "asset")


def _entry_json(entry: DirectoryEntry, pictures: Mapping[str, str]) -> dict[str, Any]:
    return {
        "person": entry.person.id,
        "name": entry.person.name or None,
        "faces": sorted(entry.person.faces),
        "assets": entry.assets,
        "newest_asset": entry.newest,
        "picture": pictures.get(entry.person.id),
    }
