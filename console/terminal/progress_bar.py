"""Draw progress on standard error if it is a terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from rich import progress as rich_progress
from rich.live import Live
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from headrace.console.terminal.screen import Console, Text

__all__ = [
    "BarColumn",
    "DownloadColumn",
    "Live",
    "MofNCompleteColumn",
    "Progress",
    "TextColumn",
    "TimeElapsedColumn",
    "TimeRemainingColumn",
]

T = TypeVar("T")

Advance = Callable[[int], None]
"""Advance the bar by a number of records."""


class TextColumn(rich_progress.TextColumn):
    """A column of safe text."""

    def render(self, task: Any) -> Text:
        """Render a cell."""
        return Text(self.text_format.format(task=task))


@contextmanager
def bar(description: str, total: int) -> Iterator[Advance]:
    """Show a bar during the block."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(description, total=total)

        yield lambda number: progress.advance(task, number)


def tracked(batches: Iterable[Sequence[T]], description: str, total: int) -> Iterator[T]:
    """Yield the items of batches, and show progress."""
    with bar(description, total) as advance:
        for batch in batches:
            yield from batch
            advance(len(batch))
