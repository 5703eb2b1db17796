"""The product's processes: a supervisor starts each again when it ends, as Kubernetes does."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.support import fork_server, stepped_clock
from tests.support.process import COMMAND, DEADLINE_FACTOR

TARGET = "tests.support.stepped_clock:main"
AGAIN_SECONDS = 0.5
"""Seconds between an unexpected exit and the next start."""


@dataclass
class Part:
    """One process of the product: its name, arguments and environment.

    `release` is a folder with another release, which it then runs.
    """

    name: str
    arguments: tuple[str, ...]
    environment: Mapping[str, str]
    folder: Path
    release: Path | None = None
    process: fork_server.Process | None = None
    exited_at: float | None = None
    exits: Counter[int] = field(default_factory=Counter)

    @property
    def clock(self) -> Path:
        """The file with the offset of its clock."""
        return self.folder / f"{self.name}.clock"

    @property
    def log(self) -> Path:
        """The file with its output."""
        return self.folder / f"{self.name}.log"

    def start(self) -> None:
        """Start the process."""
        stepped_clock.step(self.clock, 0.0)
        environment = {**os.environ, **self.environment, stepped_clock.VARIABLE: str(self.clock)}
        with self.log.open("ab") as log:
            if self.release is None:
                self.process = fork_server.start(TARGET, [COMMAND, *self.arguments], environment, log, log)
            else:
                command = [sys.executable, "-P", "-m", "headrace.console", *self.arguments]
                other = environment | {"PYTHONPATH": str(self.release)}
                self.process = subprocess.Popen(command, env=other, stdout=log, stderr=log)

    def tend(self) -> None:
        """Start the process again if it has ended by itself."""
        assert self.process is not None
        code = self.process.poll()
        if code is None:
            return
        if self.exited_at is None:
            self.exited_at = time.monotonic()
            self.exits[code] += 1
        if time.monotonic() - self.exited_at > AGAIN_SECONDS:
            self.exited_at = None
            self.start()

    def kill(self) -> None:
        """Kill the process with SIGKILL and start it again."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()
        self.exited_at = None
        self.start()

    def signal(self, number: int) -> None:
        """Send a signal."""
        assert self.process is not None
        self.process.send_signal(number)

    def stop(self, seconds: float = 40.0) -> None:
        """Send SIGTERM and wait."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(seconds * DEADLINE_FACTOR)

    def run_release(self, release: Path | None) -> None:
        """Stop the process as a deployment does, and start another release of it; None for the current one."""
        self.stop()
        self.release = release
        self.exited_at = None
        self.start()


class Supervisor:
    """Keeps processes running."""

    def __init__(self, parts: list[Part]) -> None:
        self.parts = {part.name: part for part in parts}

    def start(self) -> None:
        """Start every process."""
        for part in self.parts.values():
            part.start()

    def tend(self) -> None:
        """Start ended processes again."""
        for part in self.parts.values():
            part.tend()

    def stop(self) -> None:
        """Kill every process."""
        for part in self.parts.values():
            if part.process is not None:
                part.process.kill()
                part.process.wait()

    def exits(self) -> dict[str, dict[str, int]]:
        """Return how often each process ended by itself, by exit code."""
        found = {name: {str(code): n for code, n in part.exits.items()} for name, part in self.parts.items()}
        return {name: codes for name, codes in found.items() if codes}
