"""Run a command beside processes that keep every core busy: `python -m tests.support.busy 8 COMMAND...`."""

from __future__ import annotations

import contextlib
import multiprocessing
import subprocess
import sys
from collections.abc import Iterator


@contextlib.contextmanager
def busy_processes(number: int) -> Iterator[None]:
    """Keep `number` processes computing while the block runs."""
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=_compute, daemon=True) for _ in range(number)]
    for process in processes:
        process.start()
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.join()


def _compute() -> None:
    parent = multiprocessing.parent_process()
    while parent is not None and parent.is_alive():
        sum(range(1_000_000))


def main(arguments: list[str]) -> int:
    """Run the command and return its exit code."""
    if len(arguments) < 2 or not arguments[0].isdigit():
        sys.stderr.write("usage: python -m tests.support.busy NUMBER COMMAND...\n")
        return 2
    number, *command = arguments
    with busy_processes(int(number)):
        return subprocess.run(command, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
