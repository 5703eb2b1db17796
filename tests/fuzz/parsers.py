"""Fuzz every parser of values from outside: `python -m tests.fuzz.parsers`, or `make fuzz`.

Exit code 1 at the first undeclared exception, or at the first value that takes more than 50 ms.
"""

from __future__ import annotations

import sys
import time
from contextlib import suppress
from typing import Annotated, Any

import typer
from hypothesis import HealthCheck, given, settings
from hypothesis.database import InMemoryExampleDatabase

from tests.fuzz.targets import TARGETS, FuzzTarget

MAX_SECONDS = 0.05
REPEATS = 5
"""A slow case is repeated, and the fastest run counts: other processes of a busy machine must not fail it."""


class SlowError(AssertionError):
    """A parser takes too long for a value."""


def run_target(target: FuzzTarget, cases: int) -> None:
    """Parse a number of values. Raises the first undeclared exception, or `SlowError`."""

    @settings(
        max_examples=cases,
        deadline=None,
        database=InMemoryExampleDatabase(),
        suppress_health_check=list(HealthCheck),
    )
    @given(target.values)
    def parse(value: Any) -> None:
        seconds = _seconds(target, value)
        for _ in range(REPEATS):
            if seconds <= MAX_SECONDS:
                return
            seconds = min(seconds, _seconds(target, value))
        if seconds > MAX_SECONDS:
            raise SlowError(f"{target.name}: {seconds * 1000:.0f} ms for {str(value)[:100]!r}")

    parse()


def _seconds(target: FuzzTarget, value: Any) -> float:
    begun = time.perf_counter()
    with suppress(*target.declared):
        target.parse(value)
    return time.perf_counter() - begun


def main(
    cases: Annotated[int, typer.Option(help="Number of values over all targets.")] = 100_000,
    only: Annotated[str, typer.Option(help="Run the targets whose name contains this.")] = "",
) -> None:
    """Parse fuzzed values with every target and print the time that each takes."""
    targets = [each for each in TARGETS if only in each.name]
    if not targets:
        sys.exit(f"no target contains {only!r}")
    for target in targets:
        begun = time.monotonic()
        run_target(target, -(-cases // len(targets)))
        print(f"{target.name}: {cases // len(targets):,} values, {time.monotonic() - begun:.0f} s", flush=True)


if __name__ == "__main__":
    typer.run(main)
