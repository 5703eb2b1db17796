"""`headrace rules list|check|apply|explain|match|lint|import|export`: rules of a folder, and active rules."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from headrace.console.commands.replay.common import DRY_RUN, ExecuteOption, connect
from headrace.console.terminal.output import print_json, print_line
from headrace.console.terminal.user_files import read_document

if TYPE_CHECKING:
    from headrace.streams.routing.rule import Rule

FolderOption = Annotated[
    str | None, typer.Option("--rules", help="Folder of rules (default: HEADRACE_RULES).", show_default=False)
]
EventArgument = Annotated[str, typer.Argument(help="Event: JSON, or a JSON file.")]


def show(folder: FolderOption = None) -> None:
    """List rules: topics, target, and whether they are enabled."""
    from headrace.console.terminal.screen import Console, Table

    table = Table(
        "rule", "version", "state", "reads", "target", "description", box=None, pad_edge=False, header_style="bold"
    )
    for rule in _rules(folder):
        target = f"{rule.target.kind} {rule.target.address}"
        table.add_row(rule.name, rule.version, rule.state, ", ".join(rule.reads), target, rule.description)
    Console().print(table)
    if not folder:
        _warn_of_rejected()


def check(folder: FolderOption = None) -> None:
    """Check every rule and its target. Exit code 1 for an invalid rule."""
    from headrace.connectors.aws.client import AwsSession
    from headrace.console.errors import CommandError
    from headrace.console.routing import targets
    from headrace.console.routing.stages import load_stages
    from headrace.schemas import topics

    rules, aws = _rules(folder), AwsSession()
    known = {topic.name for topic in topics.table(stage.name for stage in load_stages())}
    known |= {topic.name for rule in rules for topic in (topics.dead_letters(rule.stage_name),)}
    for rule in rules:
        targets.stage_of(aws, rule)
        required = (*rule.reads, *((rule.target.address,) if rule.target.kind == "topic" else ()))
        if missing := [name for name in required if name not in known]:
            raise CommandError(f"{rule.name}: unknown topic {', '.join(missing)}. To list topics: headrace topics list")
    states = Counter(rule.state for rule in rules)
    shadow = f", {states['shadow']} shadow" if states["shadow"] else ""
    print_line(f"{len(rules)} rules, {states['enabled']} enabled{shadow}")


def apply(
    folder: Annotated[str, typer.Argument(help="Folder of rules.", show_default=False)],
    prune: Annotated[bool, typer.Option("--prune", help="Remove active rules that are not in the folder.")] = False,
    execute: ExecuteOption = False,
) -> None:
    """Apply a folder of rules to running workers. They need HEADRACE_RULES=system.rules.

    Every rule and target is checked first; an invalid one prevents all changes.
    """
    from headrace.connectors.aws.client import AwsSession
    from headrace.console.routing import apply as routing_apply
    from headrace.console.routing import targets
    from headrace.console.terminal.screen import Console
    from headrace.schemas import topics

    cluster = connect()
    has_topic = topics.RULES.name in cluster.names()
    active = {rule.name: rule.version for rule in targets.load_table(AwsSession()).rules()} if has_topic else {}
    plan = routing_apply.plan_rules(folder, active, prune)
    for name, change in plan.changes.items():
        Console().print(f"{name}: {change}")
    if execute:
        routing_apply.execute(cluster, plan)
        print_line(f"{len(plan.changed_rules())} rules changed")
    else:
        print_line(DRY_RUN)


def explain(
    name: Annotated[str, typer.Argument(metavar="RULE", help="Name of a rule.")],
    event: EventArgument,
    folder: FolderOption = None,
) -> None:
    """Explain whether a rule matches an event, and what it would send. Exit code 0 for a match, else 2."""
    from headrace.console.commands.json_args import read_event
    from headrace.console.errors import CommandError
    from headrace.console.routing.pattern_test import describe_verdict
    from headrace.streams.routing.input_transformer import RuleContext, transform
    from headrace.streams.routing.rule_stage import rule_arn

    known = {rule.name: rule for rule in _rules(folder)}
    if name not in known:
        raise CommandError(f"no rule {name}. Rules: {', '.join(known) or 'none'}")
    rule, document = known[name], read_event(event)
    miss = rule.matcher.explain(document)
    if miss is not None:
        print_line(f"no match: {describe_verdict(miss)}")
        raise typer.Exit(2)
    print_line(f"match: {rule.target.kind} {rule.target.address}")
    print_line(transform(rule.target.input, document, RuleContext(rule.name, rule_arn(rule, document))))


def match(event: EventArgument, folder: FolderOption = None) -> None:
    """List the rules that match an event, then the others with the reason, closest first."""
    from headrace.console.commands.json_args import read_event
    from headrace.console.routing.pattern_test import describe_verdict

    document = read_event(event)
    misses = [(rule, rule.matcher.explain(document)) for rule in _rules(folder)]
    for rule, miss in misses:
        if miss is None:
            state = "" if rule.state == "enabled" else f" ({rule.state})"
            print_line(f"{rule.name}: match, to {rule.target.kind} {rule.target.address}{state}")
    near = [(rule, miss) for rule, miss in misses if miss is not None]
    for rule, miss in sorted(near, key=lambda each: -each[1].nearness):
        print_line(f"{rule.name}: no match: {describe_verdict(miss)}")


def lint(folder: FolderOption = None) -> None:
    """Warn about rules without a pattern, duplicates and cycles. Exit code 2 if there are any."""
    from headrace.console.routing import lint as routing_lint

    warnings = list(routing_lint.warnings(_rules(folder)))
    for line in warnings:
        print_line(line)
    if warnings:
        raise typer.Exit(2)
    print_line("no warnings")


def import_(
    file: Annotated[Path, typer.Argument(help="EventBridge rule as JSON, with its Targets.")],
    reads: Annotated[str, typer.Option(help="Input topics, separated by commas.")] = "aws.events",
    folder: FolderOption = None,
) -> None:
    """Import an EventBridge rule: write one rule file per target to the folder."""
    from headrace.console.errors import CommandError
    from headrace.console.routing import eventbridge_json
    from headrace.schemas.parsing import parse_json

    target_folder = Path(_folder(folder))
    target_folder.mkdir(parents=True, exist_ok=True)
    try:
        texts = eventbridge_json.imported(parse_json(read_document(str(file))), reads.split(","))
    except ValueError as error:
        raise CommandError(f"{file}: not an EventBridge rule: {error}") from error
    existing = [name for name in texts if (target_folder / f"{name}.toml").exists()]
    if existing:
        raise CommandError(f"{target_folder / existing[0]}.toml already exists")
    for name, text in texts.items():
        (target_folder / f"{name}.toml").write_text(text, "utf-8")
        print_line(f"{target_folder / name}.toml")


def export(folder: FolderOption = None) -> None:
    """Print all rules in EventBridge's JSON format, with `Rules` and their `Targets`."""

    from headrace.console.routing import eventbridge_json

    print_json(eventbridge_json.exported(_rules(folder)))


def _warn_of_rejected() -> None:
    """Print the records of `system.rules` that are not valid rules, with their offsets."""
    from headrace.connectors.aws.client import AwsSession
    from headrace.console.routing import targets

    for each in targets.load_table(AwsSession()).rejected if targets.follows() else ():
        position = f"{each.topic}/{each.partition}/{each.offset}"
        print_line(
            f"unreadable: {position}, key {each.key.decode(errors='backslashreplace')}: {each.reason}", error=True
        )
        print_line("Replace it: headrace rules apply FOLDER --execute", error=True)


def _rules(folder: str | None) -> tuple[Rule, ...]:
    from headrace.console.routing import targets

    return targets.rules(_folder(folder)) if folder or not targets.follows() else targets.rules()


def _folder(folder: str | None) -> str:
    from headrace.console.errors import CommandError
    from headrace.schemas.settings import load
    from headrace.streams.settings import PipelineSettings

    name = folder or load(PipelineSettings).rules
    if not name:
        raise CommandError("no folder of rules: set HEADRACE_RULES or use --rules")
    return name
