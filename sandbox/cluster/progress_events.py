"""Progress events of a start."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Fetched:
    """Download progress of the broker's jars in bytes."""

    done: int
    total: int


@dataclass(frozen=True, slots=True)
class Ready:
    """A component is ready, `seconds` after its start."""

    part: str
    port: int
    seconds: float


ProgressEvent: TypeAlias = Fetched | Ready
OnProgressEvent: TypeAlias = Callable[[ProgressEvent], None]
"""Called for each event, from any thread."""


def ignore(event: ProgressEvent) -> None:
    """Ignore a progress event."""
