"""`headrace watch`: the pipeline as it works."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from headrace.console.assets.projection import AssetProjection, AssetVersion
    from headrace.console.assets.read_service import ReadService

REMEMBERED = 100
"""How many assets are shown at most of those that are known when a watch begins."""


def watch(
    assets: Annotated[
        str, typer.Argument(metavar="[ASSET-GLOB]", help="Only assets like this: `*.mp4`, `media/2026/*`.")
    ] = "*",
) -> None:
    """Show each asset and its stages as they end, until Ctrl-C; plain lines where the output is no terminal."""
    from rich.console import Console

    from headrace.console.assets import read_service

    console = Console()
    read = read_service.connect()
    if console.is_terminal:
        draw(read, assets, console)
    else:
        tell(read, assets)


def draw(read: ReadService, assets: str, console: Console) -> None:
    """Keep a table up to date."""
    from rich.live import Live

    from headrace.console.assets import table

    shown: dict[str, AssetVersion] = {}
    with Live(console=console, auto_refresh=False) as live:
        for update in read.follow():
            remember(shown, update.progress, update.changed, assets)
            if update.caught_up:
                room = max(1, console.height - 3)
                live.update(table.table(list(shown.values())[-room:], read.stage_names), refresh=True)


def tell(read: ReadService, assets: str) -> None:
    """Print a line for each stage that ends."""
    from headrace.console.assets.table import ChangeLog

    ticker = ChangeLog()
    shown: dict[str, AssetVersion] = {}
    for update in read.follow():
        remember(shown, update.progress, update.changed, assets)
        if not update.caught_up:
            continue
        for line in ticker.lines(shown.values()):
            typer.echo(line)
        shown.clear()


def remember(shown: dict[str, AssetVersion], progress: AssetProjection, changed: tuple[str, ...], assets: str) -> None:
    """Take note of what has changed: each asset keeps its line, a new version is the last. Forget what is too much."""
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
    """Say whether an asset's `bucket/key`, or its key alone, is what a glob means."""
    return fnmatchcase(asset, glob) or fnmatchcase(asset.partition("/")[2], glob)
