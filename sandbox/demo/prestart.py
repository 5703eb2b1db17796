"""Start processes of the pipeline before the cluster is up, so that they import modules while it starts.

`python -m headrace.sandbox.demo.prestart NAME` imports what `headrace NAME` needs, then reads one line from standard
input: the environment and the arguments of the command. Without a line it ends.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from headrace.sandbox.cluster import processes
from headrace.sandbox.cluster.processes import ProcessCommand
from headrace.sandbox.cluster.state_file import RunningComponent, locked

MODULES: Mapping[str, tuple[str, ...]] = {
    "bridge": ("headrace.console.app.main", "headrace.console.commands.bridge", "headrace.connectors.bridge.service"),
    "worker": (
        "headrace.console.app.main",
        "headrace.console.commands.worker",
        "headrace.console.routing.stages",
        "headrace.connectors.sinks.http_connections",
        "headrace.streams.worker.host",
    ),
}
"""The modules that each command imports before it connects to the cluster."""


@dataclass(frozen=True, slots=True)
class Prestarted:
    """A process that waits for its command, and the pipe to its standard input."""

    part: RunningComponent
    pipe: TextIO

    def run(self, arguments: Sequence[str], environment: Mapping[str, str]) -> RunningComponent:
        """Have the process run `headrace` with these arguments. If it has ended, its log says why."""
        with suppress(BrokenPipeError), self.pipe:
            json.dump({"arguments": [*arguments], "environment": {**environment}}, self.pipe)
        return self.part


@contextmanager
def prestarted(folder: Path, running: Collection[str]) -> Iterator[dict[str, Prestarted]]:
    """Yield a process for each name of `MODULES` that is not running. Unused ones end with the block."""
    with ExitStack() as stack:
        with locked(folder):
            started = {name: _start(folder, name, stack) for name in MODULES if name not in running}
        yield started


def _start(folder: Path, name: str, stack: ExitStack) -> Prestarted:
    read_end, write_end = os.pipe()
    pipe = stack.enter_context(os.fdopen(write_end, "w", encoding="utf-8"))
    command = ProcessCommand((sys.executable, "-P", "-m", "headrace.sandbox.demo.prestart", name), folder)
    try:
        part = processes.spawn(name, command, 0, folder / "logs" / f"{name}.log", read_end)
    finally:
        os.close(read_end)
    return Prestarted(part, pipe)


def main(name: str) -> None:
    """Import modules, wait for the command, and run it."""
    for module in MODULES[name]:
        importlib.import_module(module)
    line = sys.stdin.readline()
    if not line:
        return
    command = json.loads(line)
    with open(os.devnull, encoding="utf-8") as nothing:
        os.dup2(nothing.fileno(), sys.stdin.fileno())
    os.environ.clear()
    os.environ.update(command["environment"])
    sys.argv = ["headrace", *command["arguments"]]
    importlib.import_module("headrace.console.app.main").main()


if __name__ == "__main__":
    main(sys.argv[1])
