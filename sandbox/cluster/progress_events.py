"""What a start tells whoever watches it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Fetched:
    """So many bytes of the broker's jars have come, of so many that are missing."""

    done: int
    total: int


@dataclass(frozen=True, slots=True)
class Ready:
    """A part answers, `seconds` after its start."""

    part: str
    port: int
    seconds: float


ProgressEvent: TypeAlias = Fetched | Ready
OnProgressEvent: TypeAlias = Callable[[ProgressEvent], None]
"""Called for each event, from any thread."""


def ignore(event: ProgressEvent) -> None:
    """Tell nobody."""
