"""Show assets and their stages as a table, or as lines without a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from headrace.console.assets.asset_event import AssetEvent, VersionStatus
from headrace.console.assets.projection import AssetVersion
from headrace.console.terminal.formatting import format_usd
from headrace.console.terminal.screen import Table, Text
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
    """Build a table: a row per version, a column per stage."""
    board = Table(box=None, pad_edge=False, header_style="bold")
    board.add_column("asset", overflow="ellipsis", no_wrap=True, min_width=12)
    for stage in stages:
        board.add_column(stage, no_wrap=True, overflow="ellipsis", max_width=max(14, len(stage)))
    board.add_column("", no_wrap=True)
    board.add_column("cost", justify="right", no_wrap=True)
    for version in versions:
        events = version.stages
        cells = [status_icon(events.get(stage)) for stage in stages]
        state = Text(version.state, STATES[version.state])
        board.add_row(Text(asset_key(version.asset)), *cells, state, format_usd(version.usd))
    return board


def status_icon(fact: AssetEvent | None) -> Text:
    """Format the status of a stage as an icon, with the code of its dead letter."""
    if fact is None or fact.status is None:
        return Text("·", "dim")
    sign, style = STATUS_ICONS[fact.status]
    return Text(f"{sign} {fact.letter.code}" if fact.letter else sign, style)


class ChangeLog:
    """Formats changes of versions as lines, each once."""

    def __init__(self) -> None:
        self._printed: set[_Line] = set()

    def lines(self, versions: Iterable[AssetVersion]) -> list[str]:
        """Format new changes, oldest first: time, asset, stage, status and result."""
        new = [line for version in versions for line in _lines(version) if line not in self._printed]
        self._printed.update(new)
        return [" ".join((clock(line.at), *filter(None, line.words))) for line in sorted(new, key=lambda line: line.at)]


class _Line(NamedTuple):
    """One line. Equal lines are printed once."""

    at: float
    sequencer: str
    words: tuple[str, ...]


def _lines(version: AssetVersion) -> Iterator[_Line]:
    asset, sequencer = asset_key(version.asset), version.asset.sequencer
    for stage, fact in version.stages.items():
        yield _Line(fact.at, sequencer, (asset, stage, fact.status or "", fact.summary))
    if version.state != "processing":
        last = version.facts[-1].at if version.facts else 0.0
        yield _Line(last, sequencer, (asset, version.state, ending(version)))


def ending(version: AssetVersion) -> str:
    """Summarize the completion and cost of a version."""
    completions = [fact.summary for fact in version.facts if fact.name == MediaCompleted.EVENT]
    return " ".join(part for part in (*completions[-1:], format_usd(version.usd)) if part)


def clock(at: float) -> str:
    """Format seconds since 1970 as local time of day, in milliseconds."""
    return datetime.fromtimestamp(at, UTC).astimezone().strftime("%H:%M:%S.%f")[:-3]
