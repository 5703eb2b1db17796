"""`headrace watch`: follow assets through the pipeline."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Annotated

import typer

from headrace.console.commands.view_source import FromLogOption, open_views
from headrace.console.terminal.output import print_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from headrace.console.assets.history import AssetHistory
    from headrace.console.assets.projection import AssetVersion
    from headrace.console.assets.read_service import AssetUpdate
    from headrace.console.terminal.screen import Console
    from headrace.console.views.database import Views

REMEMBERED = 100
"""Maximum number of assets that are shown."""


def watch(
    assets: Annotated[
        str, typer.Argument(metavar="[ASSET-GLOB]", help="Assets that match: `*.mp4`, `media/2026/*`.")
    ] = "*",
    from_log: FromLogOption = False,
) -> None:
    """Follow assets and their stages until Ctrl-C; prints lines if the output is no terminal."""
    from headrace.console.assets import read_service
    from headrace.console.routing.stages import load_stages
    from headrace.console.terminal.screen import Console

    console = Console()
    views = open_views(from_log)
    read = read_service.connect(load_stages())
    updates = read.follow() if views is None else _follow(views, assets)
    if console.is_terminal:
        draw(updates, read.stage_names, assets, console)
    else:
        print_changes(updates, assets)


def _follow(views: Views, assets: str) -> Iterator[AssetUpdate]:
    from headrace.console.views.queries.follow import ViewFollower

    return ViewFollower(views.connect, lambda asset: is_like(asset, assets), REMEMBERED).follow()


def draw(updates: Iterable[AssetUpdate], stages: Sequence[str], assets: str, console: Console) -> None:
    """Update a table."""
    from headrace.console.assets import table
    from headrace.console.terminal.progress_bar import Live

    shown: dict[str, AssetVersion] = {}
    with Live(console=console, auto_refresh=False) as live:
        for update in updates:
            remember(shown, update.progress, update.changed, assets)
            if update.caught_up:
                room = max(1, console.height - 3)
                live.update(table.table(list(shown.values())[-room:], stages), refresh=True)


def print_changes(updates: Iterable[AssetUpdate], assets: str) -> None:
    """Print a line for each change."""
    from headrace.console.assets.table import ChangeLog

    changes = ChangeLog()
    shown: dict[str, AssetVersion] = {}
    for update in updates:
        remember(shown, update.progress, update.changed, assets)
        if not update.caught_up:
            continue
        for line in changes.lines(shown.values()):
            print_line(line)
        shown.clear()


def remember(shown: dict[str, AssetVersion], progress: AssetHistory, changed: tuple[str, ...], assets: str) -> None:
    """Add changed assets. A new version moves to the end; the oldest above `REMEMBERED` are dropped."""
    for asset in changed:
        version = progress.newest_version(asset)
        if version is None or not is_like(asset, assets):
            continue
        if asset in shown and shown[asset].asset != version.asset:
            del shown[asset]
        shown[asset] = version
    for asset in list(shown)[:-REMEMBERED]:
        del shown[asset]


def is_like(asset: str, glob: str) -> bool:
    """Whether a glob matches `bucket/key` or the key alone."""
    return fnmatchcase(asset, glob) or fnmatchcase(asset.partition("/")[2], glob)
