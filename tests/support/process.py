"""Run `headrace` processes and wait for conditions."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import psutil

from tests.support import fork_server

T = TypeVar("T")

COMMAND = str(Path(sys.executable).with_name("headrace"))
MAIN = "headrace.console.__main__:main"


DEADLINE_FACTOR = 5.0
"""Factor of every deadline: on a machine with four busy processes a core, a test takes that much longer."""


def wait_for(condition: Callable[[], T | None], what: str, seconds: float = 60.0) -> T:
    """Return the first truthy result of a condition. Fails the test after `seconds` of a quiet machine."""
    deadline = time.monotonic() + seconds * DEADLINE_FACTOR
    while True:
        result = condition()
        if result:
            return result
        assert time.monotonic() < deadline, f"waited {seconds * DEADLINE_FACTOR:g} s for {what}"
        time.sleep(0.05)


def is_gone(pid: int) -> bool:
    """Return whether a process has ended. It may be a zombie until its parent reads its exit code."""
    try:
        return bool(psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


class Headrace:
    """One `headrace` process, whose output goes to a file."""

    def __init__(self, process: fork_server.Process, log: Path) -> None:
        self.process = process
        self.log = log

    def says(self, words: str) -> bool:
        """Whether the output contains `words`."""
        return words in self.log.read_text()

    def ready(self, words: str = "ready", seconds: float = 60.0) -> Headrace:
        """Wait until the output contains `words`. Fails the test if the process ends."""
        wait_for(lambda: self.says(words) or self.process.poll() is not None, f"{words!r} in {self.log}", seconds)
        assert self.process.poll() is None, self.log.read_text()
        return self

    def kill(self) -> None:
        """Kill the process with SIGKILL."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(50)

    def stop(self, seconds: float = 40.0) -> int:
        """Send SIGTERM and return the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(seconds * DEADLINE_FACTOR)


def start(arguments: list[str], environment: dict[str, str], log: Path) -> Headrace:
    """Start `headrace ARGUMENTS`."""
    with log.open("ab") as output:
        command, variables = [COMMAND, *arguments], {**os.environ, **environment}
        return Headrace(fork_server.start(MAIN, command, variables, output, output), log)


@contextlib.contextmanager
def headrace(environment: dict[str, str], folder: Path, *arguments: str) -> Iterator[Headrace]:
    """Run `headrace ARGUMENTS` for the duration of the block."""
    running = start(list(arguments), environment, folder / f"{'-'.join(arguments)}.log".replace("/", "_"))
    try:
        yield running
    finally:
        if running.process.poll() is None:
            running.kill()


def run(environment: dict[str, str], *arguments: str, seconds: float = 120.0) -> subprocess.CompletedProcess[str]:
    """Run `headrace ARGUMENTS` to completion and return its output."""
    command = [COMMAND, *arguments]
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as error:
        process = fork_server.start(MAIN, command, {**os.environ, **environment}, out, error)
        try:
            code = process.wait(seconds * DEADLINE_FACTOR)
        finally:
            process.kill()
        out.seek(0)
        error.seek(0)
        return subprocess.CompletedProcess(command, code, out.read(), error.read())
