"""`headrace backfill`: send events for objects that are already in a bucket."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from headrace.console.errors import CommandError
from headrace.console.terminal.output import print_line
from headrace.schemas import parsing

if TYPE_CHECKING:
    from headrace.connectors.aws.client import AwsSession
    from headrace.connectors.backfill.backfill import BackfillPlan
    from headrace.connectors.backfill.checkpoint import BackfillCounts, Checkpoint
    from headrace.connectors.backfill.filters import ObjectFilters


def backfill(
    address: Annotated[
        str, typer.Argument(metavar="s3://BUCKET/PREFIX", help="Bucket and prefix.", show_default=False)
    ],
    suffix: Annotated[list[str] | None, typer.Option(help="Key suffix, case-insensitive; repeatable.")] = None,
    min_size: Annotated[int | None, typer.Option(help="Minimum object size in bytes.")] = None,
    max_size: Annotated[int | None, typer.Option(help="Maximum object size in bytes.")] = None,
    since: Annotated[str, typer.Option(help="Only objects stored at this time (ISO 8601, UTC) or later.")] = "",
    until: Annotated[str, typer.Option(help="Only objects stored before this time.")] = "",
    rate: Annotated[float | None, typer.Option(help="Maximum records per second.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the counts and the cost. Sends nothing.")] = False,
    restart: Annotated[bool, typer.Option("--restart", help="Start over instead of resuming the last run.")] = False,
) -> None:
    """Send existing objects of a bucket into the pipeline. Run it again to resume."""
    from headrace.connectors.aws.client import AwsSession
    from headrace.connectors.backfill.backfill import BackfillPlan
    from headrace.connectors.backfill.checkpoint import BackfillError
    from headrace.connectors.backfill.filters import ObjectFilters
    from headrace.connectors.backfill.listing import ListingError, open_prefix

    bounds = parse_time("--since", since), parse_time("--until", until)
    filters = ObjectFilters(tuple(suffix or ()), min_size, max_size, *bounds)
    check_options(filters, rate)
    aws = AwsSession()
    try:
        work = BackfillPlan(open_prefix(aws, address), filters, rate)
        begin = _load_checkpoint(work, restart)
        if begin.done:
            print_line(f"already complete: {summary(begin.counts)}. To start over: --restart")
        elif dry_run:
            _estimate(aws, work, begin)
        else:
            _send(aws, work, begin)
    except (BackfillError, ListingError) as error:
        raise CommandError(str(error)) from error


def parse_time(option: str, value: str) -> datetime | None:
    """Parse an ISO 8601 time, in UTC by default. Raises `CommandError`."""
    if not value:
        return None
    try:
        return parsing.parse_time(value)
    except parsing.InvalidValueError:
        raise CommandError(f"{option} {value}: invalid time. Use 2026-03-14 or 2026-03-14T15:09:26Z") from None


def check_options(filters: ObjectFilters, rate: float | None) -> None:
    """Raise `CommandError` for filters that match nothing and for an invalid rate."""
    if rate is not None and not 0 < rate < float("inf"):
        raise CommandError(f"--rate {rate:g}: must be above 0")
    if any(bound is not None and bound < 0 for bound in (filters.min_size, filters.max_size)):
        raise CommandError("--min-size and --max-size must be 0 or more bytes")
    if filters.min_size is not None and filters.max_size is not None and filters.min_size > filters.max_size:
        raise CommandError("--min-size is above --max-size: no object can match")
    if filters.since is not None and filters.until is not None and filters.since >= filters.until:
        raise CommandError("--since is not before --until: no object can match")


def summary(counts: BackfillCounts) -> str:
    """Add up: everything that was listed was either sent or filtered."""
    from headrace.console.terminal.formatting import format_bytes

    filtered = sum(counts.filtered.values())
    reasons = ", ".join(f"{reason} {number:,}" for reason, number in sorted(counts.filtered.items()))
    sent = f"{counts.sent:,} sent ({format_bytes(counts.size)})"
    return f"{counts.listed:,} listed = {sent} + {filtered:,} filtered" + (f" ({reasons})" if reasons else "")


def _load_checkpoint(work: BackfillPlan, restart: bool) -> Checkpoint:
    from headrace.connectors.backfill import checkpoint
    from headrace.connectors.backfill.filters import name_of
    from headrace.schemas.kafka.settings import KafkaSettings
    from headrace.schemas.settings import load

    name = name_of(work.place, work.filters)
    if restart:
        return checkpoint.Checkpoint(name)
    saved = checkpoint.read(load(KafkaSettings), name)
    if saved.after and not saved.done:
        print_line(f"resuming after {saved.after}: {summary(saved.counts)}", error=True)
    return saved


def _estimate(aws: AwsSession, work: BackfillPlan, begin: Checkpoint) -> None:
    from headrace.connectors.backfill.backfill import estimate as survey
    from headrace.connectors.backfill.listing import objects
    from headrace.console.pipeline.backfill_estimate import BackfillEstimate
    from headrace.streams import pipeline
    from headrace.streams.costs.prices import load_price_list

    estimate = BackfillEstimate(pipeline.stages(pipeline.load_config()), load_price_list())

    def added() -> Iterator[Checkpoint]:
        for cursor, wanted in survey(work.filters, objects(aws, work.place, begin.after), begin):
            if wanted is not None:
                estimate.add(wanted.key, wanted.size)
            yield cursor

    print_line(f"dry run: {summary(_last_checkpoint(added(), begin).counts)}")
    for line in estimate.lines():
        print_line(line)


def _send(aws: AwsSession, work: BackfillPlan, begin: Checkpoint) -> None:
    from headrace.connectors.backfill.backfill import run
    from headrace.connectors.backfill.listing import objects
    from headrace.connectors.backfill.producer import BackfillProducer
    from headrace.schemas.kafka.settings import KafkaSettings
    from headrace.schemas.settings import load
    from headrace.schemas.tracing.start import tracing

    with tracing("headrace-backfill") as tracer:
        sender = BackfillProducer(load(KafkaSettings), tracer)
        end = _last_checkpoint(run(work, objects(aws, work.place, begin.after), begin, sender), begin)
    print_line(summary(end.counts))


def _last_checkpoint(cursors: Iterable[Checkpoint], begin: Checkpoint) -> Checkpoint:
    """Return the last checkpoint; show progress on a terminal. The total is unknown."""
    from headrace.console.terminal.progress_bar import BarColumn, Progress, TextColumn, TimeElapsedColumn
    from headrace.console.terminal.screen import Console

    columns = (BarColumn(), TextColumn("{task.description}"), TimeElapsedColumn(), TextColumn("{task.fields[key]}"))
    console = Console(stderr=True)
    cursor = begin
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("", total=None, key="")
        for cursor in cursors:
            counts = cursor.counts
            progress.update(task, description=f"{counts.listed:,} listed, {counts.sent:,} sent", key=cursor.after)
    return cursor
