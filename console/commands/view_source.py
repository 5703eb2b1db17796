"""Where commands read: the views, or with `--from-log` the log itself.

The views are imported when they are opened: SQLAlchemy takes about 30 times as long to import as Python takes to start.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from headrace.console.errors import CommandError
from headrace.console.terminal.output import print_line

if TYPE_CHECKING:
    from headrace.console.assets.history import AssetSource
    from headrace.console.views.database import Lag, Views

FromLogOption = Annotated[bool, typer.Option("--from-log", help="Read the log itself instead of the views.")]

STALE_SECONDS = 60.0
"""Seconds after which views that did not catch up with the log are called out of date."""

ASSET_HELP = "`bucket/key`, `s3://bucket/key`, or the key alone if only one bucket has it."
NO_VIEWS = "there are no views: headrace views run builds them and keeps them up to date"


def open_views(from_log: bool) -> Views | None:
    """Open the views, and print their lag to standard error; None if the log is to be read.

    Without views, the log answers too. That takes minutes if it is long, so a line says why.
    """
    if from_log:
        return None
    from headrace.console.views import database

    views = database.open_views()
    if views is None:
        print_line(f"reading the log itself: {NO_VIEWS}", error=True)
        return None
    print_line(lag_line(views.lag()), error=True)
    return views


def require_views() -> Views:
    """Open the views, and print their lag to standard error.

    Raises:
        CommandError: there are none.
    """
    from headrace.console.views import database

    views = database.open_views()
    if views is None:
        raise CommandError(NO_VIEWS)
    print_line(lag_line(views.lag()), error=True)
    return views


def find_asset(views: Views, asset: str) -> str:
    """Return the name, `bucket/key`, of the asset that an argument of a command means.

    Raises:
        CommandError: the views have none, or several.
    """
    from headrace.console.views.queries.history import ViewAssets

    names = ViewAssets(views.connect).find(asset)
    if not names:
        raise CommandError(f"the views have no asset {asset}: headrace assets list lists them")
    if len(names) > 1:
        raise CommandError(f"{asset} may be {' or '.join(names)}: say which")
    return names[0]


def asset_source(views: Views | None) -> AssetSource:
    """Return where the history of assets is read."""
    if views is not None:
        from headrace.console.views.queries.history import ViewAssets

        return ViewAssets(views.connect)
    from headrace.console.assets import read_service
    from headrace.console.routing.stages import load_stages

    return read_service.connect(load_stages())


def lag_line(lag: Lag) -> str:
    """Describe how far the views are behind the log."""
    from headrace.console.terminal.formatting import format_duration, pluralize

    if lag.seconds == float("inf"):
        return f"views: incomplete, {pluralize(lag.records, 'record')} to read. headrace views status"
    age = f"as of {format_duration(lag.seconds)} ago"
    if lag.seconds > STALE_SECONDS:
        return f"views: {age}, and not up to date: is headrace views run running? --from-log reads the log itself"
    return f"views: {age}" + (f", {pluralize(lag.records, 'record')} behind the log" if lag.records else "")
