"""`headrace schemas`: list, check and register event schemas."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Annotated, NoReturn

import typer

from headrace.console.terminal.output import print_json, print_line
from headrace.console.terminal.screen import Console, Table
from headrace.schemas import topics
from headrace.schemas.evolution import compatibility
from headrace.schemas.records import EVENTS
from headrace.schemas.serde import catalog
from headrace.schemas.serde.codec import RegistryUnavailableError
from headrace.schemas.serde.generic_avro import fingerprint

app = typer.Typer(name="schemas", help="The published event schemas.", no_args_is_help=True)

SchemasJsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command("list")
def list_(as_json: SchemasJsonOption = False) -> None:
    """List the events with versions, newest fingerprint and topic."""
    rows = _rows()
    if as_json:
        print_json([asdict(row) for row in rows])
        return
    table = Table("event", "versions", "fingerprint", "topic", box=None, pad_edge=False, header_style="bold")
    for row in rows:
        table.add_row(row.event, ", ".join(f"v{number}" for number in row.versions), row.fingerprint, row.topic)
    Console().print(table)


@app.command()
def check() -> None:
    """Check every version against all older ones, in both directions."""
    published = catalog.versions()
    problems = compatibility.check(published)
    if problems:
        fail(*map(str, problems))
    print_line(f"{len(published)} versions of {len(catalog.latest(published))} events: compatible")


@app.command()
def register() -> None:
    """Register every version in the schema registry, and set its compatibility mode."""
    from headrace.schemas.kafka.settings import RegistrySettings
    from headrace.schemas.serde import registry
    from headrace.schemas.settings import SettingsError, load

    published = catalog.versions()
    if problems := compatibility.check(published):
        fail(*map(str, problems))
    try:
        connected = registry.create_client(load(RegistrySettings))
        if connected is None:
            fail("HEADRACE_SCHEMA_REGISTRY is not set: it names the schema registry")
        done = connected.register(published)
    except (SettingsError, RegistryUnavailableError) as error:
        fail(str(error))
    for each in done:
        there = "registered" if each.created else "already there"
        print_line(f"{each.subject}: v{each.version.number} {there}, id {each.id}")
    subjects = len({each.subject for each in done})
    print_line(f"{len(done)} versions in {subjects} subjects: compatibility {registry.COMPATIBILITY}")


def fail(*errors: str) -> NoReturn:
    """Print errors to standard error, one a line, and exit with code 1."""
    for error in errors:
        print_line(error, error=True)
    raise typer.Exit(1)


@dataclass(frozen=True, slots=True)
class _Row:
    event: str
    versions: tuple[int, ...]
    fingerprint: str
    topic: str


def _rows() -> list[_Row]:
    published = catalog.versions()
    return [
        _Row(
            event,
            tuple(version.number for version in published if version.event == event),
            fingerprint(newest.schema).hex(),
            topics.topic_for(EVENTS[event]).name,
        )
        for event, newest in catalog.latest(published).items()
    ]
