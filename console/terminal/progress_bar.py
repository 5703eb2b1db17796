"""Progress on a terminal: on standard error, so that what a command says can be piped. Elsewhere nothing is drawn."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

T = TypeVar("T")

Advance = Callable[[int], None]
"""Draw so many more."""


@contextmanager
def bar(what: str, total: int) -> Iterator[Advance]:
    """Draw a bar while the block lasts."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(what, total=total)

        yield lambda number: progress.advance(task, number)


def tracked(batches: Iterable[Sequence[T]], what: str, total: int) -> Iterator[T]:
    """Give what is in batches, one by one, and draw how much has come."""
    with bar(what, total) as advance:
        for batch in batches:
            yield from batch
            advance(len(batch))
