"""`headrace rules list|check|apply|explain|why|lint|import|export`: the rules of a folder, and those in force."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from headrace.console.commands.replay.common import ExecuteOption, connect

if TYPE_CHECKING:
    from headrace.streams.routing.rule import Rule

FolderOption = Annotated[
    str | None, typer.Option("--rules", help="Folder of rules; else the one of HEADRACE_RULES.", show_default=False)
]
EventArgument = Annotated[str, typer.Argument(help="An event: JSON, or a file of it.")]


def show(folder: FolderOption = None) -> None:
    """List the rules: what they read, where they send, and whether they are enabled."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table("rule", "version", "on", "reads", "target", "what", box=None, pad_edge=False, header_style="bold")
    for rule in _rules(folder):
        target = f"{rule.target.kind} {rule.target.address}"
        on = "on" if rule.enabled else "off"
        table.add_row(rule.name, rule.version, on, ", ".join(rule.reads), escape(target), escape(rule.description))
    Console(highlight=False).print(table)


def check(folder: FolderOption = None) -> None:
    """Check every rule and its target: exit code 1, with the place and what to do, where one cannot be used."""
    from headrace.console.errors import CommandError
    from headrace.console.routing import targets
    from headrace.schemas import topics
    from headrace.streams import pipeline

    found = _rules(folder)
    known = {topic.name for topic in topics.table(stage.name for stage in pipeline.stages())}
    known |= {topic.name for rule in found for topic in (topics.dead_letters(rule.stage_name),)}
    for rule in found:
        targets.stage_of(rule)
        needed = (*rule.reads, *((rule.target.address,) if rule.target.kind == "topic" else ()))
        if missing := [name for name in needed if name not in known]:
            raise CommandError(
                f"{rule.name}: there is no topic {', '.join(missing)}; `headrace topics list` names them"
            )
    typer.echo(f"{len(found)} rules, {sum(rule.enabled for rule in found)} of them on")


def apply(
    folder: Annotated[str, typer.Argument(help="Folder of rules.", show_default=False)],
    prune: Annotated[bool, typer.Option("--prune", help="Take away rules that are not in the folder.")] = False,
    execute: ExecuteOption = False,
) -> None:
    """Put the rules of a folder in force, without a restart, for workers that follow: HEADRACE_RULES=system.rules.

    Every rule and target is checked first; with one that cannot be used nothing changes.
    """
    from rich.console import Console

    from headrace.console.routing import apply as routing_apply
    from headrace.console.routing import targets
    from headrace.schemas import topics

    cluster = connect()
    there = topics.RULES.name in cluster.names()
    known = {rule.name: rule.version for rule in targets.table().rules()} if there else {}
    plan = routing_apply.plan_rules(folder, known, prune)
    for name, change in plan.changes.items():
        Console(highlight=False).print(f"{name}: {change}", markup=False)
    if execute:
        routing_apply.execute(cluster, plan)
        typer.echo(f"{len(plan.changed_rules())} rules put in force")
    else:
        typer.echo("nothing was changed; to do it: --execute")


def explain(
    name: Annotated[str, typer.Argument(metavar="RULE", help="A rule's name.")],
    event: EventArgument,
    folder: FolderOption = None,
) -> None:
    """Say why a rule takes an event, with what it sends, or why not: exit code 0 or 2."""
    from headrace.console.commands.json_args import read_event
    from headrace.console.errors import CommandError
    from headrace.console.routing.pattern_test import describe_verdict
    from headrace.streams.routing.input_transformer import transform

    known = {rule.name: rule for rule in _rules(folder)}
    if name not in known:
        raise CommandError(f"no rule {name}; there are {', '.join(known) or 'none'}")
    rule, given = known[name], read_event(event)
    miss = rule.matcher.explain(given)
    if miss is not None:
        typer.echo(f"no match: {describe_verdict(miss)}")
        raise typer.Exit(2)
    typer.echo(f"match: {rule.target.kind} {rule.target.address}")
    typer.echo(transform(rule.target.input, given, rule.name))


def why(event: EventArgument, folder: FolderOption = None) -> None:
    """Say which rules take an event, and of the others why not, those that come nearest first."""
    from headrace.console.commands.json_args import read_event
    from headrace.console.routing.pattern_test import describe_verdict

    given = read_event(event)
    misses = [(rule, rule.matcher.explain(given)) for rule in _rules(folder)]
    for rule, miss in misses:
        if miss is None:
            off = "" if rule.enabled else " (off)"
            typer.echo(f"{rule.name}: match, to {rule.target.kind} {rule.target.address}{off}")
    near = [(rule, miss) for rule, miss in misses if miss is not None]
    for rule, miss in sorted(near, key=lambda each: -each[1].nearness):
        typer.echo(f"{rule.name}: no match: {describe_verdict(miss)}")


def lint(folder: FolderOption = None) -> None:
    """Warn of rules that take everything, do the same as another, or send in circles: exit code 2 if so."""
    from headrace.console.routing import lint as routing_lint

    found = list(routing_lint.warnings(_rules(folder)))
    for line in found:
        typer.echo(line)
    if found:
        raise typer.Exit(2)
    typer.echo("nothing to say")


def import_(
    file: Annotated[Path, typer.Argument(help="A rule of EventBridge in JSON, with its targets.")],
    reads: Annotated[str, typer.Option(help="Topics that it is to read, separated by commas.")] = "aws.events",
    folder: FolderOption = None,
) -> None:
    """Make rules of a rule of EventBridge, a file for each of its targets, in the folder of rules."""
    import orjson

    from headrace.console.errors import CommandError
    from headrace.console.routing import eventbridge_json

    place = Path(_place(folder))
    place.mkdir(parents=True, exist_ok=True)
    try:
        texts = eventbridge_json.imported(orjson.loads(file.read_bytes()), reads.split(","))
    except (ValueError, KeyError, TypeError) as error:
        raise CommandError(f"{file}: no rule of EventBridge: {error}") from error
    taken = [name for name in texts if (place / f"{name}.toml").exists()]
    if taken:
        raise CommandError(f"{place / taken[0]}.toml is there already")
    for name, text in texts.items():
        (place / f"{name}.toml").write_text(text, "utf-8")
        typer.echo(f"{place / name}.toml")


def export(folder: FolderOption = None) -> None:
    """Print all rules as EventBridge knows them: one JSON object, with `Rules` and their `Targets`."""
    import json

    from headrace.console.routing import eventbridge_json

    typer.echo(json.dumps(eventbridge_json.exported(_rules(folder)), indent=2))


def _rules(folder: str | None) -> tuple[Rule, ...]:
    from headrace.console.routing import targets

    return targets.rules(_place(folder)) if folder or not targets.follows() else targets.rules()


def _place(folder: str | None) -> str:
    from headrace.console.errors import CommandError
    from headrace.schemas.settings import load
    from headrace.streams.settings import PipelineSettings

    place = folder or load(PipelineSettings).rules
    if not place:
        raise CommandError("HEADRACE_RULES is not set: name the folder of rules, or give --rules")
    return place
