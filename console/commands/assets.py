"""`headrace assets`: assets and the state of their stages, from the views."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from headrace.console.commands.asset_tables import overdue_json, print_asset, print_overdue, print_page
from headrace.console.commands.view_source import ASSET_HELP, find_asset, require_views
from headrace.console.errors import CommandError
from headrace.console.terminal.output import print_json

if TYPE_CHECKING:
    from collections.abc import Iterable

    from headrace.console.kafka.offsets import Position
    from headrace.console.kafka.topic_reader import TopicReader
    from headrace.console.views.queries.asset_list import AssetFilter
    from headrace.schemas.records import Event

app = typer.Typer(no_args_is_help=True, help="Assets and the state of their stages, from the views.")

AssetsJsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
StateChoice = Literal["processing", "completed", "deleted"]
KindChoice = Literal["image", "video", "audio", "other"]


@app.command("list")
def list_(
    bucket: Annotated[str | None, typer.Option(help="Bucket.")] = None,
    prefix: Annotated[str | None, typer.Option(help="Beginning of the key.")] = None,
    kind: Annotated[KindChoice | None, typer.Option(help="Kind of media, as the stage probe found it.")] = None,
    state: Annotated[StateChoice | None, typer.Option(help="State of the newest version.")] = None,
    has: Annotated[list[str] | None, typer.Option(help="Stage with a result; repeatable.")] = None,
    missing: Annotated[list[str] | None, typer.Option(help="Stage without a result; repeatable.")] = None,
    failed: Annotated[list[str] | None, typer.Option(help="Stage with a dead letter; repeatable.")] = None,
    since: Annotated[str | None, typer.Option(help="Uploaded at or after: 2026-03-14T15:09, or -2h.")] = None,
    until: Annotated[str | None, typer.Option(help="Uploaded at or before.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="Maximum number of assets.")] = 50,
    after: Annotated[str | None, typer.Option(metavar="TOKEN", help="Continue after this page.")] = None,
    as_json: AssetsJsonOption = False,
) -> None:
    """List assets by bucket and key, with the stages of the newest version.

    The last line names the token of the next page. Assets that arrive meanwhile neither repeat nor hide others.
    """
    from headrace.console.views.queries import asset_list
    from headrace.console.views.queries.asset_list import AssetFilter

    stages = tuple(has or ()), tuple(missing or ()), tuple(failed or ())
    query = AssetFilter(bucket, prefix, kind, state, *stages, *_bounds(since, until))
    _check_stages(query)
    with require_views().connect() as connection:
        page = asset_list.page(connection, query, limit, after)
    if as_json:
        print_json({"assets": [asset_list.listed_json(each) for each in page.assets], "next": page.next})
        return
    print_page(page)


@app.command()
def show(
    asset: Annotated[str, typer.Argument(help=ASSET_HELP, show_default=False)],
    as_json: AssetsJsonOption = False,
) -> None:
    """Show the newest version of an asset: state, and the result of each stage. `headrace trace` shows every event."""
    from headrace.console.assets import serialize
    from headrace.console.views.queries import asset_list
    from headrace.console.views.queries.history import ViewAssets

    views = require_views()
    name = find_asset(views, asset)
    version = ViewAssets(views.connect).newest_version(name)
    with views.connect() as connection:
        listed = asset_list.one(connection, name)
    if version is None or listed is None:
        raise CommandError(f"the views have no asset {asset}: headrace assets list lists them")
    stages = {name: serialize.stage(fact) for name, fact in version.stages.items()}
    if as_json:
        print_json({**asset_list.listed_json(listed), "stages": stages})
        return
    print_asset(listed, stages)


@app.command()
def overdue(
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="Maximum number of assets, longest wait first.")] = 50,
    as_json: AssetsJsonOption = False,
) -> None:
    """List assets that wait for a stage longer than 99 % of its recent results did, with the reason."""
    import time
    from functools import partial

    from headrace.console.kafka.topic_reader import TopicReader
    from headrace.console.routing.stages import load_stages
    from headrace.console.views.queries import overdue as overdue_query
    from headrace.schemas.kafka.settings import KafkaSettings
    from headrace.schemas.settings import load

    views = require_views()
    log = TopicReader(load(KafkaSettings))
    report = overdue_query.report(views.connect, load_stages(), partial(_read_events, log), time.time(), limit)
    if as_json:
        print_json(
            {
                "assets": [overdue_json(each) for each in report.assets],
                "more": report.more,
                "without_history": list(report.without_history),
            }
        )
        return
    print_overdue(report)


def _read_events(log: TopicReader, positions: Iterable[Position]) -> dict[Position, Event]:
    """Read events from the log; expired and unreadable ones are left out."""
    from headrace.console.kafka.entry import open_record

    codec = log.codec()
    opened = ((position, open_record(record, codec).event) for position, record in log.records(positions).items())
    return {position: event for position, event in opened if event is not None}


def _bounds(since: str | None, until: str | None) -> tuple[float | None, float | None]:
    import time

    from headrace.console.terminal.timespec import parse_time

    now = time.time()
    first, last = (None if value is None else parse_time(value, now) for value in (since, until))
    if first is not None and last is not None and first > last:
        raise CommandError("--since is after --until: no asset can match")
    return first, last


def _check_stages(query: AssetFilter) -> None:
    """Raise `CommandError` for a stage that the pipeline does not have."""
    from headrace.console.routing.stages import load_stages

    known = [stage.name for stage in load_stages()]
    for name in (*query.has, *query.missing, *query.failed):
        if name not in known:
            raise CommandError(f"there is no stage {name}: it is one of {', '.join(known)}")
