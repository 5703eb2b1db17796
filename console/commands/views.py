"""`headrace views`: tables that are folded from the log, and that commands query."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from headrace.console.commands.view_source import ASSET_HELP, find_asset, require_views
from headrace.console.terminal.output import confirm_or_abort, print_json, print_line

if TYPE_CHECKING:
    from headrace.console.views.service import Restore, ViewsService

app = typer.Typer(no_args_is_help=True, help="Views: tables folded from the log, which answer questions at once.")


@app.command()
def run(
    once: Annotated[bool, typer.Option("--once", help="End once the log is read.")] = False,
    json_logs: Annotated[bool, typer.Option("--json-logs", help="Write logs as JSON.")] = False,
) -> None:
    """Keep the views up to date until Ctrl-C. Missing views, and those of an older version, are built first.

    SQLite has one projector. On PostgreSQL, several share the partitions.
    """
    if json_logs:
        from headrace.schemas.runtime import logging

        logging.configure(json=True)
    service = _service()
    print_line(f"views in {service.place.name}", error=True)
    from headrace.console.assets import read_service
    from headrace.console.search.background import indexing
    from headrace.console.views.metrics import serving_metrics
    from headrace.schemas.runtime.metrics_settings import MetricsSettings
    from headrace.schemas.settings import load

    assets = read_service.connect(service.stages)
    with (
        indexing(service.place),
        serving_metrics(load(MetricsSettings), lambda: assets.status().stages) as metrics,
    ):
        service.run(lambda projector: metrics.stepped(projector.caught_up), until_caught_up=once)
    if once:
        _index(service)


@app.command()
def status(as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False) -> None:
    """Show where the views are, and the lag, unreadable records and gaps of each topic."""
    from headrace.console.views import status as views_status

    service = _service()
    found = views_status.read(service)
    if as_json:
        print_json(views_status.serialize(found))
    else:
        from headrace.console.terminal.screen import Console

        views_status.show(found, Console())


@app.command()
def rebuild(
    from_store: Annotated[
        bool, typer.Option("--from-store", help="Restore events that have expired from the results bucket.")
    ] = False,
) -> None:
    """Build the views anew from the log beside the current ones, and swap them in once they have caught up.

    With --from-store, the results that the log no longer has are read from the results bucket. Retries, completions of
    jobs and dead letters are not stored there.
    """
    service = _service()
    from headrace.console.terminal.progress_bar import bar

    total = service.records_on_log()
    with bar("records", total) as advance:
        done = 0

        def report(records: int) -> None:
            nonlocal done
            advance(records - done)
            done = records

        service.rebuild(lambda projector: report(projector.records), _restore() if from_store else None)
    _index(service)
    print_line(f"{done:,} records folded into the views in {service.place.name}")


@app.command()
def verify(
    sample: Annotated[int, typer.Option(min=1, help="Number of assets, chosen at random.")] = 100,
    everything: Annotated[bool, typer.Option("--all", help="Compare all assets.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Compare assets with a fresh fold of the log. Exit code 1 if a row differs.

    Assets of which the log has lost a record are not compared.
    """
    from dataclasses import asdict

    from headrace.console.terminal.progress_bar import bar
    from headrace.console.views import verify as views_verify

    service = _service()
    with bar("records", service.records_on_log()) as advance:
        found = views_verify.verify(service, None if everything else sample, advance)
    if as_json:
        print_json(asdict(found))
    else:
        for each in found.differences:
            print_line(f"{' '.join(map(str, each.row))}: views {each.views}, log {each.log}")
        print_line(f"{found.compared:,} assets compared: {found.different:,} rows differ")
        print_line(f"{found.expired:,} assets not compared: some of their records have expired")
    if found.different:
        raise typer.Exit(1)


@app.command()
def drop(
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Delete the views. Nothing is lost: the log has everything, and views run builds them anew."""
    service = _service()
    if not yes:
        confirm_or_abort(f"Delete the views in {service.place.name}?")
    existed = service.drop()
    print_line(f"views deleted: {service.place.name}" if existed else f"there are no views in {service.place.name}")


@app.command()
def erase(
    asset: Annotated[str, typer.Argument(help=ASSET_HELP, show_default=False)],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Delete what the views know of an asset: its versions, events, texts, dead letters and executions.

    Costs stay. A rebuild restores what the log and the results bucket still have: delete that first.
    """
    from headrace.console.search.erasure import erase_asset

    views = require_views()
    name = find_asset(views, asset)
    if not yes:
        confirm_or_abort(f"Erase {name} from the views in {views.name}?")
    with views.begin() as connection:
        counts = erase_asset(connection, name)
    rows = ", ".join(f"{count:,} of {table}" for table, count in sorted(counts.items()))
    print_line(f"erased {name} from the views: {rows}")


def _service() -> ViewsService:
    from headrace.console.routing.stages import load_stages
    from headrace.console.views.locations import location
    from headrace.console.views.service import ViewsService
    from headrace.console.views.settings import ViewsSettings
    from headrace.schemas.kafka.settings import KafkaSettings
    from headrace.schemas.runtime.gc_tuning import reduce_gc_frequency
    from headrace.schemas.settings import load

    reduce_gc_frequency()
    return ViewsService(location(load(ViewsSettings)), load(KafkaSettings), load_stages())


def _restore() -> Restore:
    """Return what restores expired events from the results bucket, and prints how many."""
    import time

    from headrace.connectors.aws.client import AwsSession
    from headrace.console.views.restore import RestoredEvents, restoring
    from headrace.console.views.stored_results import in_s3
    from headrace.schemas.settings import load
    from headrace.streams.settings import StreamSettings

    def show(found: RestoredEvents) -> None:
        print_line(
            f"{found.versions:,} versions in the results bucket: {found.events:,} expired events and"
            f" {found.failures:,} failures of stages restored, {found.unreadable:,} objects unreadable"
        )

    return restoring(in_s3(AwsSession(), load(StreamSettings).results_bucket), time.time, show)


def _index(service: ViewsService) -> None:
    """Index the text that is queued in the current views."""
    from headrace.console.search.background import index_all, queued
    from headrace.console.terminal.progress_bar import bar

    engine = service.place.current()
    if engine is None:
        return
    with bar("texts", queued(engine)) as advance:
        index_all(engine, advance)
