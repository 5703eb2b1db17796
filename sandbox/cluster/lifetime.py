"""Processes that end with the one that started them, however that one ends: also by SIGKILL, a crash, or a full memory.

Whoever calls `end_children_with_me` is their owner. Its children, and theirs, inherit its name in a variable, and a
process beside it waits for its end: a pipe closes then. That is the same on every system, and unlike Linux's
PR_SET_PDEATHSIG it does not depend on the thread that started a child.
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
"""Names the owners of a process, with blanks between them. Not below HEADRACE_, which are the settings of users."""

SPACE = Path("/proc/self/ns/pid")
"""Names the space of process ids that we are in, on Linux."""

PATIENCE = 5.0
"""Seconds for a process to end when it is asked to."""

SETTLED = 0.5
"""Seconds in which no process may be found that is to end: one that was just forked has no variables of its own yet."""

LOOK = 1.0
"""Seconds between two looks at whether an owner is there, besides the pipe."""

LONGEST = 4 * PATIENCE
"""Seconds that an owner waits at its end for what it started."""

ENDED = b"."
"""What an owner that ends by itself writes into the pipe."""


@dataclass(frozen=True, slots=True)
class Owner:
    """A process: its id, when it started, and the space of ids that the id is of; a container has its own."""

    pid: int
    started: str
    space: str

    @property
    def name(self) -> str:
        """What stands in the variable."""
        return f"{self.pid}-{self.started}-{self.space}"

    def is_gone(self) -> bool:
        """Whether the process has ended. Nobody can tell where its id is not of our own space, and so it is not."""
        return self.space == _space() and processes.started(self.pid) != self.started


def me() -> Owner:
    """This process."""
    return Owner(os.getpid(), processes.started(os.getpid()), _space())


def named(name: str) -> Owner | None:
    """The owner of a name; none when it is no name of one."""
    pid, _, rest = name.partition("-")
    started, _, space = rest.partition("-")
    return Owner(int(pid), started, space) if pid.isdecimal() and started else None


def end_children_with_me(folder: Path | None = None) -> None:
    """Let all that is started from now on end when this process does. A folder is removed where it ends by a kill.

    A second call changes nothing.
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
    watch = subprocess.Popen(
        command,
        cwd="/",
        env={variable: value for variable, value in os.environ.items() if variable != OWNERS},
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    atexit.register(_end, watch, os.getpid())
    os.environ[OWNERS] = " ".join([*before, name])


def end_left_behind() -> list[str]:
    """End what owners left that are gone, whichever run they were of; give the command lines."""
    found = [
        process
        for process, value in processes.having(OWNERS)
        if any((owner := named(name)) and owner.is_gone() for name in value.split())
    ]
    lines = [processes.command_line(process) for process in found]
    processes.end(found, PATIENCE)
    return lines


def _end(watch: subprocess.Popen[bytes], owner: int) -> None:
    """End what is left, and the process that watches."""
    if os.getpid() != owner:  # a child that was forked runs this, too
        return
    with suppress(OSError, subprocess.TimeoutExpired):  # it may have been killed itself
        watch.communicate(ENDED, LONGEST)


def _watch(name: str, folder: str | None) -> None:
    """Wait for the end of an owner, then end whatever is left of it."""
    ended_by_itself = _ending(name) == ENDED
    settled = time.monotonic() + (0 if ended_by_itself else SETTLED)
    while (found := _owned(name)) or time.monotonic() < settled:
        processes.end(found, PATIENCE)
        time.sleep(SETTLED / 10)
    if folder and not ended_by_itself:
        shutil.rmtree(folder, ignore_errors=True)


def _ending(name: str) -> bytes:
    """Wait for the end of an owner and give its last word. A child that was forked holds the pipe open after that."""
    owner = named(name)
    while not select.select([sys.stdin], [], [], LOOK)[0]:
        if owner and owner.is_gone():
            return b""
    return os.read(sys.stdin.fileno(), 1)


def _owned(name: str) -> list[processes.Process]:
    return [process for process, value in processes.having(OWNERS) if name in value.split()]


def _space() -> str:
    try:
        return "".join(filter(str.isdecimal, os.readlink(SPACE)))
    except OSError:  # not on Linux, where all processes have one space
        return ""


if __name__ == "__main__":
    _watch(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else None)
