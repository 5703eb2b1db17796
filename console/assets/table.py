"""Assets and their stages as they go: a table where one can be drawn, lines where not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from rich.table import Table
from rich.text import Text

from headrace.console.assets.projection import AssetEvent, AssetVersion, VersionStatus
from headrace.console.assets.summaries import summarize
from headrace.console.terminal.formatting import format_usd
from headrace.schemas.ids import asset_key
from headrace.schemas.records import MediaCompleted

STATUS_ICONS: dict[VersionStatus, tuple[str, str]] = {
    "done": ("✓", "green"),
    "running": ("●", "yellow"),
    "retrying": ("↻", "yellow"),
    "dead-lettered": ("✗", "red"),
}
STATES = {"processing": "yellow", "completed": "green", "superseded": "dim", "deleted": "dim"}


def table(versions: Iterable[AssetVersion], stages: Sequence[str]) -> Table:
    """Draw a line for each version, a column for each stage."""
    board = Table(box=None, pad_edge=False, header_style="bold")
    board.add_column("asset", overflow="ellipsis", no_wrap=True, min_width=12)
    for stage in stages:
        board.add_column(stage, no_wrap=True, overflow="ellipsis", max_width=max(14, len(stage)))
    board.add_column("", no_wrap=True)
    board.add_column("cost", justify="right", no_wrap=True)
    for version in versions:
        found = version.stages
        cells = [status_icon(found.get(stage)) for stage in stages]
        state = Text(version.state, STATES[version.state])
        board.add_row(Text(asset_key(version.asset)), *cells, state, format_usd(version.usd))
    return board


def status_icon(fact: AssetEvent | None) -> Text:
    """Draw the state of a stage as a sign, with the code of a dead letter beside it."""
    if fact is None or fact.status is None:
        return Text("·", "dim")
    sign, style = STATUS_ICONS[fact.status]
    return Text(f"{sign} {fact.letter.code}" if fact.letter else sign, style)


class ChangeLog:
    """Tells what is new of versions in lines; what it has told once it does not tell again."""

    def __init__(self) -> None:
        self._told: set[_Said] = set()

    def lines(self, versions: Iterable[AssetVersion]) -> list[str]:
        """Say what is new, oldest first, each in one line: time, asset, stage, status, and what was found."""
        new = [said for version in versions for said in _said(version) if said not in self._told]
        self._told.update(new)
        return [" ".join((clock(said.at), *filter(None, said.words))) for said in sorted(new, key=lambda said: said.at)]


class _Said(NamedTuple):
    """One line; told once, however often it comes."""

    at: float
    sequencer: str
    words: tuple[str, ...]


def _said(version: AssetVersion) -> Iterator[_Said]:
    asset, sequencer = asset_key(version.asset), version.asset.sequencer
    for stage, fact in version.stages.items():
        yield _Said(fact.at, sequencer, (asset, stage, fact.status or "", fact.why or summarize(fact.event)))
    if version.state != "processing":
        last = version.facts[-1].at if version.facts else 0.0
        yield _Said(last, sequencer, (asset, version.state, ending(version)))


def ending(version: AssetVersion) -> str:
    """Say in a few words how a version ended."""
    found = [fact.event for fact in version.facts if isinstance(fact.event, MediaCompleted)]
    return " ".join(part for part in (summarize(found[-1]) if found else "", format_usd(version.usd)) if part)


def clock(at: float) -> str:
    """Write a moment as the time of day here, to the millisecond."""
    return datetime.fromtimestamp(at, UTC).astimezone().strftime("%H:%M:%S.%f")[:-3]
