"""`headrace reconcile`: compare a bucket with the views, and send what was never accepted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from headrace.console.commands.view_source import STALE_SECONDS, require_views
from headrace.console.errors import CommandError
from headrace.console.terminal.output import print_json, print_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from headrace.connectors.backfill.listing import BucketPrefix
    from headrace.console.reconcile.plan import ObjectSpool, ReconcilePlan
    from headrace.console.reconcile.reconcile import Reconciliation
    from headrace.console.views.database import Views

T = TypeVar("T")

TITLES = {
    "unaccepted": "never accepted",
    "unfinished": "accepted, not finished",
    "gone": "in the views, not in the bucket",
}


def reconcile(
    address: Annotated[
        str, typer.Argument(metavar="s3://BUCKET/PREFIX", help="Bucket and prefix.", show_default=False)
    ],
    min_age: Annotated[
        float, typer.Option(min=0, help="Minutes since an object was stored; later ones may be on their way.")
    ] = 15.0,
    rate: Annotated[float | None, typer.Option(help="Maximum records per second.")] = None,
    execute: Annotated[
        bool, typer.Option("--execute/--dry-run", help="Send the missing objects (default: dry run).")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Compare a bucket with the views: objects never accepted, not finished, or gone.

    --execute sends an upload event for each object that was never accepted, as `headrace backfill` does. Run it again
    to resume: an object that was sent is accepted, and sending it twice has no further effect.
    """
    from tempfile import TemporaryFile

    from headrace.connectors.aws.client import AwsSession
    from headrace.connectors.backfill.checkpoint import BackfillError
    from headrace.connectors.backfill.listing import ListingError, open_prefix
    from headrace.console.reconcile.plan import ObjectSpool
    from headrace.console.reconcile.reconcile import of_bucket

    if rate is not None and not 0 < rate < float("inf"):
        raise CommandError(f"--rate {rate:g}: must be above 0")
    views = require_views()
    _check_lag(views, min_age)
    try:
        aws = AwsSession()
        work = of_bucket(aws, open_prefix(aws, address), views.connect)
        with TemporaryFile() as file:
            spool = ObjectSpool(file)
            plan = _plan(work, min_age, spool)
            if not as_json:
                _print_plan(plan, work.place)
            sent = _send(work, spool, plan.counts["unaccepted"], rate) if execute else 0
    except (BackfillError, ListingError) as error:
        raise CommandError(str(error)) from error
    if as_json:
        print_json({**_document(plan, work.place), "executed": execute, "sent": sent})
    elif execute:
        print_line(f"{sent:,} sent. To follow them: headrace watch")
    elif plan.counts["unaccepted"]:
        print_line("Dry run: nothing sent. Re-run with --execute to apply.")


def _check_lag(views: Views, min_age: float) -> None:
    """Raise `CommandError` if the views are too far behind to tell what was accepted."""
    if views.lag().seconds > max(min_age * 60, STALE_SECONDS):
        raise CommandError(
            "the views are too far behind the log to tell what was accepted: run headrace views run until"
            " headrace views status shows no lag, or raise --min-age"
        )


def _plan(work: Reconciliation, min_age: float, spool: ObjectSpool) -> ReconcilePlan:
    """Compare, and show progress on a terminal. The total is unknown."""
    from datetime import UTC, datetime, timedelta

    from headrace.console.reconcile.plan import ReconcilePlan

    newest = datetime.now(UTC) - timedelta(minutes=min_age)
    plans = work.plan(newest, spool)
    return _followed(plans, ReconcilePlan(), None, lambda plan: f"{sum(plan.counts.values()):,} compared")


def _send(work: Reconciliation, spool: ObjectSpool, total: int, rate: float | None) -> int:
    """Send the objects of a spool, and show progress on a terminal. Returns their number."""
    from headrace.connectors.backfill.checkpoint import Checkpoint
    from headrace.connectors.backfill.producer import BackfillProducer
    from headrace.schemas.kafka.settings import KafkaSettings
    from headrace.schemas.settings import load
    from headrace.schemas.tracing.start import tracing

    if not total:
        return 0
    with tracing("headrace-backfill") as tracer:
        checkpoints = work.send(spool, BackfillProducer(load(KafkaSettings), tracer), rate)
        return _followed(checkpoints, Checkpoint(""), total, lambda each: f"{each.counts.sent:,} sent").counts.sent


def _followed(steps: Iterable[T], first: T, total: int | None, describe: Callable[[T], str]) -> T:
    """Return the last of some steps; show each on a terminal."""
    from headrace.console.terminal.progress_bar import BarColumn, Progress, TextColumn, TimeElapsedColumn
    from headrace.console.terminal.screen import Console

    console = Console(stderr=True)
    columns = (BarColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    last = first
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("", total=total)
        for number, last in enumerate(steps, 1):
            if number % 100 == 0:
                progress.update(task, description=describe(last), completed=number if total else None)
    return last


def _document(plan: ReconcilePlan, place: BucketPrefix) -> dict[str, Any]:
    from headrace.console.reconcile.plan import KINDS

    differences: dict[str, Any] = {
        kind: {"count": plan.counts[kind], "examples": plan.examples[kind]} for kind in KINDS
    }
    return {
        "bucket": place.bucket,
        "prefix": place.prefix,
        "compared": sum(plan.counts.values()),
        "accepted": plan.counts["accepted"],
        "recent": plan.counts["recent"],
        "filtered": plan.counts["filtered"],
        **differences,
        "unaccepted_bytes": plan.size,
    }


def _print_plan(plan: ReconcilePlan, place: BucketPrefix) -> None:
    from headrace.console.reconcile.plan import KINDS
    from headrace.console.terminal.formatting import format_bytes
    from headrace.console.terminal.screen import Console, Table, Text

    left_out = f"{plan.counts['recent']:,} too recent, {plan.counts['filtered']:,} folders or archived"
    known = plan.counts["accepted"] + plan.counts["unfinished"]
    print_line(f"{place.address}: {sum(plan.counts.values()):,} keys compared, {known:,} accepted, {left_out}")
    table = Table("difference", "keys", "", "examples", box=None, pad_edge=False, header_style="bold")
    table.columns[1].justify = "right"
    for kind in KINDS:
        size = format_bytes(plan.size) if kind == "unaccepted" and plan.counts[kind] else ""
        more = ", ..." if plan.counts[kind] > len(plan.examples[kind]) else ""
        table.add_row(TITLES[kind], f"{plan.counts[kind]:,}", size, Text(", ".join(plan.examples[kind]) + more))
    Console(width=1000).print(table)
    if plan.counts["unfinished"]:
        print_line("unfinished assets that wait too long: headrace assets overdue")
