"""Run the benchmarks that fit into 30 minutes, and write `docs/performance.md`: `python -m bench.all`.

A benchmark is not started if it would end after the limit: its last result stays on the page. Exit code 1 if a
benchmark fails, or if a target is missed.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

from bench import performance
from bench.harness import report

LIMIT_MINUTES = 30.0


class Benchmark(NamedTuple):
    """A module of `bench`, its arguments, and the minutes that it takes on 2 cores."""

    module: str
    arguments: tuple[str, ...]
    minutes: float


BENCHMARKS = (
    Benchmark("codec", (), 0.5),
    Benchmark("demo", ("--repetitions", "3"), 3.0),
    Benchmark("runner", ("--repetitions", "3"), 10.0),
    Benchmark("bridge", (), 3.0),
    Benchmark("replay", (), 4.0),
    Benchmark("routing", (), 2.0),
    Benchmark("rules", (), 4.0),
)
"""Those with a target come first."""


def run_all(
    benchmarks: Sequence[Benchmark],
    run: Callable[[Benchmark], bool],
    clock: Callable[[], float] = time.monotonic,
    minutes: float = LIMIT_MINUTES,
) -> dict[str, bool]:
    """Run each benchmark that fits into the rest of the time; return whether it succeeded, by module."""
    end, succeeded = clock() + minutes * 60, {}
    for each in benchmarks:
        if clock() + each.minutes * 60 > end:
            print(f"{each.module}: not run, it takes {each.minutes:g} min and fewer are left", flush=True)
            continue
        print(f"{each.module}: about {each.minutes:g} min", flush=True)
        succeeded[each.module] = run(each)
    return succeeded


def _run(benchmark: Benchmark) -> bool:
    command = [sys.executable, "-m", f"bench.{benchmark.module}", *benchmark.arguments]
    return subprocess.run(command, check=False).returncode == 0


def main() -> None:
    """Run the benchmarks, write the page, and exit with code 1 if a benchmark or a target failed."""
    succeeded = run_all(BENCHMARKS, _run)
    results = performance.load()
    performance.PAGE.write_text(performance.render(results), encoding="utf-8")
    print(f"wrote {performance.PAGE}")
    report.judge({f"bench.{name}": met for name, met in succeeded.items()} | performance.checks(results))


if __name__ == "__main__":
    main()
