"""Stop child processes when their owner ends, even by SIGKILL, a crash or the OOM killer.

The process that calls `end_children_with_me` is the owner. Its descendants inherit its name in an environment variable.
A watchdog process waits until the pipe from the owner closes. This works on every system and, unlike PR_SET_PDEATHSIG
of Linux, does not depend on the thread that started a child.
"""

from __future__ import annotations

import atexit
import os
import select
import shutil
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from headrace.sandbox.cluster import processes

OWNERS = "_HEADRACE_ENDS_WITH"
"""Variable with the owners of a process, separated by spaces. Without the HEADRACE_ prefix of user settings."""

PID_NAMESPACE = Path("/proc/self/ns/pid")
"""Link to the PID namespace of this process, on Linux."""

STOP_SECONDS = 5.0
"""Seconds between SIGTERM and SIGKILL."""

SETTLE_SECONDS = 0.5
"""Seconds without any process left to stop: a process just forked has no environment yet."""

POLL_SECONDS = 1.0
"""Seconds between two checks that the owner is alive, in addition to the pipe."""

MAX_WAIT_SECONDS = 4 * STOP_SECONDS
"""Maximum seconds that an owner waits for the watchdog at its exit."""

NORMAL_EXIT = b"."
"""Byte that an owner writes to the pipe at a normal exit."""


@dataclass(frozen=True, slots=True)
class Owner:
    """A process: its id, start time and PID namespace; a container has its own namespace."""

    pid: int
    started: str
    space: str

    @property
    def name(self) -> str:
        """The value in the environment variable."""
        return f"{self.pid}-{self.started}-{self.space}"

    def is_gone(self) -> bool:
        """Return whether the process has ended; False for a process of another PID namespace."""
        return self.space == _pid_namespace() and processes.started(self.pid) != self.started


def me() -> Owner:
    """Return the current process as an owner."""
    return Owner(os.getpid(), processes.started(os.getpid()), _pid_namespace())


def named(name: str) -> Owner | None:
    """Parse an owner's name; None if it is invalid."""
    pid, _, rest = name.partition("-")
    started, _, space = rest.partition("-")
    return Owner(int(pid), started, space) if pid.isdecimal() and started else None


def end_children_with_me(folder: Path | None = None) -> None:
    """Stop all processes started from now on when this process ends. Idempotent.

    `folder` is removed if this process is killed.
    """
    name, before = me().name, os.environ.get(OWNERS, "").split()
    if name in before:
        return
    command = [
        sys.executable,
        "-P",
        "-m",
        "headrace.sandbox.cluster.lifetime",
        name,
        *([str(folder)] if folder else []),
    ]
    watchdog = subprocess.Popen(
        command,
        cwd="/",
        env={variable: value for variable, value in os.environ.items() if variable != OWNERS},
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    atexit.register(_end, watchdog, os.getpid())
    os.environ[OWNERS] = " ".join([*before, name])


def end_left_behind() -> list[str]:
    """Stop the processes of all ended owners; return their command lines."""
    left = [
        process
        for process, value in processes.having(OWNERS)
        if any((owner := named(name)) and owner.is_gone() for name in value.split())
    ]
    lines = [processes.command_line(process) for process in left]
    processes.end(left, STOP_SECONDS)
    return lines


def _end(watchdog: subprocess.Popen[bytes], owner: int) -> None:
    """Stop the remaining processes and the watchdog."""
    if os.getpid() != owner:  # forked children inherit this handler
        return
    with suppress(OSError, subprocess.TimeoutExpired):  # it may have been killed itself
        watchdog.communicate(NORMAL_EXIT, MAX_WAIT_SECONDS)


def _watch(name: str, folder: str | None) -> None:
    """Wait until an owner ends, then stop its remaining processes."""
    exited_normally = _last_byte(name) == NORMAL_EXIT
    settled = time.monotonic() + (0 if exited_normally else SETTLE_SECONDS)
    while (left := _owned(name)) or time.monotonic() < settled:
        processes.end(left, STOP_SECONDS)
        time.sleep(SETTLE_SECONDS / 10)
    if folder and not exited_normally:
        shutil.rmtree(folder, ignore_errors=True)


def _last_byte(name: str) -> bytes:
    """Wait until an owner ends and return its last byte. A forked child may keep the pipe open."""
    owner = named(name)
    while not select.select([sys.stdin], [], [], POLL_SECONDS)[0]:
        if owner and owner.is_gone():
            return b""
    return os.read(sys.stdin.fileno(), 1)


def _owned(name: str) -> list[processes.Process]:
    return [process for process, value in processes.having(OWNERS) if name in value.split()]


def _pid_namespace() -> str:
    try:
        return "".join(filter(str.isdecimal, os.readlink(PID_NAMESPACE)))
    except OSError:  # not Linux: one namespace
        return ""


if __name__ == "__main__":
    _watch(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else None)
