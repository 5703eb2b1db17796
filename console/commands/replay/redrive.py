"""`headrace replay redrive`: send dead letters back to the stage that gave them up."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from headrace.console.commands.replay.common import (
    ExecuteOption,
    ReasonOption,
    ReplayJsonOption,
    connect,
    screen,
)
from headrace.console.errors import CommandError
from headrace.console.replay.redrive import selection

if TYPE_CHECKING:
    from headrace.console.kafka.admin import KafkaAdmin
    from headrace.console.replay.redrive.plan import RedrivePlan
    from headrace.console.replay.redrive.selection import SelectionCriteria
    from headrace.console.replay.redrive.send import RedriveOptions
    from headrace.streams.stage import Stage


def redrive(
    letters: Annotated[list[str] | None, typer.Argument(metavar="[LETTER]...", help="Only these, by id.")] = None,
    stage: Annotated[str, typer.Option(help="Only of this stage; else of every one.")] = "",
    code: Annotated[str | None, typer.Option(help="Only with this code.")] = None,
    key: Annotated[str | None, typer.Option(help="Only of this asset; may be a glob.")] = None,
    since: Annotated[str | None, typer.Option(help="Only failed since then: 2026-03-14T15:09, or -2h.")] = None,
    until: Annotated[str | None, typer.Option(help="Only failed until then.")] = None,
    text: Annotated[str | None, typer.Option(help="Only with this in their reason.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Only so many, of each stage the oldest.")] = None,
    rate: Annotated[float, typer.Option(min=0, help="Letters a second; 0 for as fast as it goes.")] = 100.0,
    canary: Annotated[int, typer.Option(min=0, help="Send so many first, and see how they end.")] = 10,
    tolerate: Annotated[float, typer.Option(min=0, max=1, help="Share of those that may fail again.")] = 0.1,
    wait: Annotated[float, typer.Option(min=0, help="Seconds to wait for what becomes of letters.")] = 60.0,
    max_replays: Annotated[int, typer.Option(min=1, help="Leave what was redriven so often.")] = 3,
    look: Annotated[bool, typer.Option("--look/--no-look", help="Look which have a result by now.")] = True,
    without_worker: Annotated[bool, typer.Option("--without-worker", help="Send though nobody works on it.")] = False,
    execute: ExecuteOption = False,
    reason: ReasonOption = "",
    as_json: ReplayJsonOption = False,
) -> None:
    """Send dead letters back to the stage that gave them up, and see what becomes of them.

    A letter goes back once, however often this is run: what has a result by now, was overtaken, or went back stays.
    """
    import time

    from headrace.console.dlq.letter import LetterFilter
    from headrace.console.replay.redrive.selection import SelectionCriteria
    from headrace.console.replay.redrive.send import RedriveOptions
    from headrace.console.terminal.timespec import parse_time

    now = time.time()
    first, last = (None if said is None else parse_time(said, now) for said in (since, until))
    rules = SelectionCriteria(
        LetterFilter(None, code, key, first, last, text, limit), tuple(letters or ()), max_replays
    )
    pace = RedriveOptions(rate, canary=0, wait=0.0) if without_worker else RedriveOptions(rate, canary, tolerate, wait)
    cluster = connect()
    plans = list(_plans(cluster, _stages(stage, rules.ids), rules, look))
    if not as_json:
        _print(plans, pace)
    told = _sent(cluster, plans, pace, (rules, reason), as_json) if execute else [{} for _ in plans]
    if as_json:
        _print_json(plans, told, execute)
    elif not execute:
        typer.echo("nothing was sent; to do it: --execute")


def _stages(name: str, ids: Sequence[str]) -> list[Stage]:
    """Give the stage of that name, or all that can have given up what is asked for."""
    from headrace.console.dlq.letter import may_hold
    from headrace.schemas import topics
    from headrace.streams import pipeline

    try:
        stages = list(pipeline.get_stages([name]) if name else pipeline.stages())
    except ValueError as error:
        raise CommandError(str(error)) from error
    return [
        each for each in stages if not ids or any(may_hold(topics.dead_letters(each.name).name, id_) for id_ in ids)
    ]


def _plans(cluster: KafkaAdmin, stages: Sequence[Stage], rules: SelectionCriteria, look: bool) -> Iterator[RedrivePlan]:
    """Plan for each stage; what one of them sends is taken off the limit of the next."""
    from headrace.console.replay.redrive import plan as redriving

    for stage in stages:
        plan = redriving.plan_redrive(cluster, stage, rules, look)
        yield plan
        if rules.filter.limit is not None:
            rules = replace(rules, filter=replace(rules.filter, limit=rules.filter.limit - len(plan.selected())))


def _sent(
    cluster: KafkaAdmin,
    plans: Sequence[RedrivePlan],
    pace: RedriveOptions,
    asked: tuple[SelectionCriteria, str],
    as_json: bool,
) -> list[dict[str, Any]]:
    """Send what is planned, stage by stage, and say what has become of it."""
    from headrace.console.replay import journal
    from headrace.console.replay.redrive import plan as redrive
    from headrace.console.replay.redrive import render, send

    redrive.refuse_hopeless(plans)
    redrive.refuse_idle(plans, waits=pace.wait > 0)
    rules, reason = asked
    told: list[dict[str, Any]] = []
    for plan in plans:
        told.append({})
        if plan.selected():
            where = plan.stage.name, plan.group
            action = journal.start_entry(
                "redrive", where, selection.describe_criteria(rules), reason, len(plan.selected())
            )
            outcomes = send.execute(cluster, plan, action, pace)
            told[-1] = {"id": action.id, "outcomes": render.outcomes(outcomes)}
            if not as_json:
                typer.echo(f"{action.id}: ", nl=False)
                render.print_outcomes(outcomes, screen())
    return told


def _print(plans: Sequence[RedrivePlan], pace: RedriveOptions) -> None:
    from headrace.console.replay.redrive import render

    shown = [plan for plan in plans if plan.is_about_something()]
    for plan in shown:
        render.print_redrive(plan, pace.rate, screen())
    if not shown:
        typer.echo("no dead letter is like that")


def _print_json(plans: Sequence[RedrivePlan], told: Sequence[dict[str, Any]], execute: bool) -> None:
    from headrace.console.replay.redrive import render

    stages = [{**render.redrive(plan), **said} for plan, said in zip(plans, told, strict=True)]
    typer.echo(json.dumps({"executed": execute, "stages": stages}, indent=2))
