"""`headrace replay redrive`: send dead letters back to the stage that failed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from headrace.console.commands.replay.common import (
    DRY_RUN,
    ExecuteOption,
    ReasonOption,
    ReplayJsonOption,
    ReplayRunOptions,
    connect,
    screen,
)
from headrace.console.errors import CommandError
from headrace.console.terminal.output import print_json, print_line

if TYPE_CHECKING:
    from headrace.console.kafka.admin import KafkaAdmin
    from headrace.console.replay.redrive.plan import RedrivePlan
    from headrace.console.replay.redrive.selection import SelectionCriteria
    from headrace.console.replay.redrive.send import RedriveOptions
    from headrace.streams.stage import Stage


def redrive(
    letters: Annotated[list[str] | None, typer.Argument(metavar="[LETTER]...", help="Only these ids.")] = None,
    stage: Annotated[str, typer.Option(help="Only this stage (default: all stages).")] = "",
    code: Annotated[str | None, typer.Option(help="Only this error code.")] = None,
    key: Annotated[str | None, typer.Option(help="Only this asset; globs are allowed.")] = None,
    since: Annotated[str | None, typer.Option(help="Only failures since this time: 2026-03-14T15:09, or -2h.")] = None,
    until: Annotated[str | None, typer.Option(help="Only failures until this time.")] = None,
    text: Annotated[str | None, typer.Option(help="Only reasons that contain this text.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Maximum number per stage, oldest first.")] = None,
    rate: Annotated[float, typer.Option(min=0, help="Dead letters per second; 0 for no limit.")] = 100.0,
    canary: Annotated[int, typer.Option(min=0, help="Number to send first and check before the rest.")] = 10,
    max_failures: Annotated[
        float, typer.Option(min=0, max=1, help="Maximum share of canary letters that may fail.")
    ] = 0.1,
    wait: Annotated[float, typer.Option(min=0, help="Seconds to wait for outcomes.")] = 60.0,
    max_replays: Annotated[int, typer.Option(min=1, help="Skip letters already redriven N times.")] = 3,
    skip_store_check: Annotated[
        bool, typer.Option("--skip-store-check", help="Do not check the store for existing results.")
    ] = False,
    allow_no_worker: Annotated[
        bool, typer.Option("--allow-no-worker", help="Send even if no worker is running.")
    ] = False,
    execute: ExecuteOption = False,
    reason: ReasonOption = "",
    as_json: ReplayJsonOption = False,
) -> None:
    """Send dead letters back to the stage that failed, then report their outcomes.

    Each dead letter is sent once, even if the command runs again. Skipped: dead letters with a result, superseded by a
    newer version, or already sent.
    """
    import time

    from headrace.console.dlq.letter import LetterFilter
    from headrace.console.replay.redrive.selection import SelectionCriteria
    from headrace.console.replay.redrive.send import RedriveOptions
    from headrace.console.terminal.timespec import parse_time

    now = time.time()
    first, last = (None if value is None else parse_time(value, now) for value in (since, until))
    criteria = SelectionCriteria(
        LetterFilter(None, code, key, first, last, text, limit), tuple(letters or ()), max_replays
    )
    options = (
        RedriveOptions(rate, canary=0, wait=0.0)
        if allow_no_worker
        else RedriveOptions(rate, canary, max_failures, wait)
    )
    cluster = connect()
    plans = list(_plans(cluster, _stages(stage, criteria.ids), criteria, not skip_store_check))
    if not as_json:
        _print(plans, options)
    run = ReplayRunOptions(execute, reason, as_json)
    results = _execute(cluster, plans, options, criteria, run) if execute else [{} for _ in plans]
    if as_json:
        _print_json(plans, results, execute)
    elif not execute:
        print_line(DRY_RUN)


def _stages(name: str, ids: Sequence[str]) -> list[Stage]:
    """Return the named stage, or every stage whose dead-letter topic can hold one of `ids`."""
    from headrace.console.dlq.letter import may_hold
    from headrace.console.routing.stages import load_stages
    from headrace.schemas import topics
    from headrace.streams import pipeline

    try:
        known = load_stages()
        stages = list(pipeline.get_stages([name], known) if name else known)
    except ValueError as error:
        raise CommandError(str(error)) from error
    return [
        each for each in stages if not ids or any(may_hold(topics.dead_letters(each.name).name, id_) for id_ in ids)
    ]


def _plans(
    cluster: KafkaAdmin, stages: Sequence[Stage], criteria: SelectionCriteria, check_store: bool
) -> Iterator[RedrivePlan]:
    """Plan each stage. The limit of a stage is reduced by what earlier stages send."""
    from headrace.console.replay.redrive.plan import plan_redrive

    for stage in stages:
        plan = plan_redrive(cluster, stage, criteria, check_store)
        yield plan
        limit = criteria.filter.limit
        if limit is not None:
            criteria = replace(criteria, filter=replace(criteria.filter, limit=limit - len(plan.selected())))


def _execute(
    cluster: KafkaAdmin,
    plans: Sequence[RedrivePlan],
    options: RedriveOptions,
    criteria: SelectionCriteria,
    run: ReplayRunOptions,
) -> list[dict[str, Any]]:
    """Execute the plans stage by stage; return one JSON object per plan."""
    from headrace.console.replay import journal
    from headrace.console.replay.redrive import plan as redrive_plan
    from headrace.console.replay.redrive import render, selection, send

    redrive_plan.refuse_not_retryable(plans)
    redrive_plan.refuse_idle(plans, waits=options.wait > 0)
    results: list[dict[str, Any]] = []
    for plan in plans:
        results.append({})
        if plan.selected():
            target = journal.StageGroup(plan.stage.name, plan.group)
            request = selection.describe_criteria(criteria)
            action = journal.start_entry("redrive", target, request, run.reason, len(plan.selected()))
            outcomes = send.execute(cluster, plan, action, options)
            results[-1] = {"id": action.id, "outcomes": render.outcomes(outcomes)}
            if not run.as_json:
                print_line(f"{action.id}: ", end="")
                render.print_outcomes(outcomes, screen())
    return results


def _print(plans: Sequence[RedrivePlan], options: RedriveOptions) -> None:
    from headrace.console.replay.redrive import render

    shown = [plan for plan in plans if plan.has_matches()]
    for plan in shown:
        render.print_redrive(plan, options.rate, screen())
    if not shown:
        print_line("no matching dead letters")


def _print_json(plans: Sequence[RedrivePlan], results: Sequence[dict[str, Any]], execute: bool) -> None:
    from headrace.console.replay.redrive import render

    stages = [{**render.redrive(plan), **result} for plan, result in zip(plans, results, strict=True)]
    print_json({"executed": execute, "stages": stages})
