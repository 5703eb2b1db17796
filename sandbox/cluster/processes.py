"""Start, find, inspect and stop processes. The only module that uses psutil."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

import psutil

from headrace.sandbox.cluster.state_file import RunningComponent
from headrace.sandbox.paths import private_folder

Process: TypeAlias = psutil.Process

PROC = Path("/proc")

STARTTIME = 18
"""Index of the start time in /proc/PID/stat, after the name and the state (Linux)."""

PRIVATE = 0o077
"""The umask of started processes: only the current user can read their files."""

CLOCK_STEP = 2.0
"""Seconds by which a process's start time may shift when the system clock is set."""


@dataclass(frozen=True, slots=True)
class ProcessCommand:
    """A command and its working folder; `variables` extend the current environment."""

    argv: tuple[str, ...]
    folder: Path
    variables: Mapping[str, str] = field(default_factory=dict)


def spawn(
    name: str, command: ProcessCommand, port: int, log: Path, stdin: int = subprocess.DEVNULL
) -> RunningComponent:
    """Start a process in a new session, so that it survives Ctrl-C and this process; its output goes to `log`.

    `stdin` is the descriptor of its standard input.
    """
    private_folder(log.parent)
    with log.open("ab") as output:
        process = subprocess.Popen(
            command.argv,
            cwd=command.folder,
            env={**os.environ, **command.variables},
            stdin=stdin,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            umask=PRIVATE,
        )
        log.chmod(0o600)
    part = RunningComponent(name, process.pid, psutil.Process(process.pid).create_time(), port, log)
    process.returncode = 0  # the process outlives this object, which would otherwise warn
    return part


def own_age() -> float:
    """Return the seconds since this process started, including the start of the interpreter.

    On Linux with a resolution of 0.01 s. Elsewhere psutil's start time has the resolution of the system.
    """
    began = started(os.getpid())
    if began.isdecimal() and hasattr(time, "CLOCK_BOOTTIME"):
        return time.clock_gettime(time.CLOCK_BOOTTIME) - int(began) / os.sysconf("SC_CLK_TCK")
    return max(0.0, time.time() - float(psutil.Process().create_time()))


def is_alive(part: RunningComponent) -> bool:
    """Return whether the started process exists and is not a zombie."""
    return _process(part) is not None


def listens(part: RunningComponent) -> bool:
    """Return whether this process, and no other one, listens on the component's port."""
    process = _process(part)
    try:
        sockets = process.net_connections("tcp") if process else []
    except psutil.Error:
        return False
    return any(each.status == psutil.CONN_LISTEN and each.laddr.port == part.port for each in sockets)


def stop(parts: Iterable[RunningComponent], timeout: float = 10.0) -> None:
    """Send SIGTERM to the processes, and after `timeout` seconds SIGKILL to the remaining ones and their groups.

    Ended processes and reused process ids are ignored.
    """
    end([process for part in parts if (process := _process(part))], timeout)


def end(processes: Sequence[Process], timeout: float) -> None:
    """Send SIGTERM to processes, and SIGKILL after `timeout` seconds."""
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.terminate()
    _gone, remaining = psutil.wait_procs(processes, timeout=timeout)
    for process in remaining:
        with suppress(psutil.NoSuchProcess, ProcessLookupError):
            _kill(process)
    psutil.wait_procs(remaining, timeout=timeout)


def having(variable: str) -> list[tuple[Process, str]]:
    """Return the current user's other processes with this environment variable, and its value."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):  # ended, or of another user
            value = process.environ().get(variable)
            if value is not None and process.pid != os.getpid() and process.uids().real == os.getuid():
                found.append((process, value))
    return found


def command_line(process: Process) -> str:
    """Return the command line of a process; empty if it has ended."""
    with suppress(psutil.Error):
        return " ".join(process.cmdline())
    return ""


def started(pid: int) -> str:
    """Return a process's start time as text; empty if it has ended.

    On Linux it is in ticks since boot, which does not change when the system clock is set.
    """
    try:
        state, *rest = (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
        return "" if state in "ZX" else rest[STARTTIME]
    except OSError:
        pass
    try:
        process = psutil.Process(pid)
        return "" if process.status() == psutil.STATUS_ZOMBIE else str(process.create_time())
    except psutil.NoSuchProcess:
        return ""


def resident_bytes(part: RunningComponent) -> int:
    """Return the resident memory of a component; 0 if it has ended."""
    process = _process(part)
    try:
        return int(process.memory_info().rss) if process else 0
    except psutil.NoSuchProcess:
        return 0


def last_lines(log: Path, count: int = 5) -> list[str]:
    """Return the last lines of a log without Java stack frames."""
    if not log.exists():
        return []
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    return [line for line in lines if line.strip() and not line.startswith("\tat ")][-count:]


def _kill(process: Process) -> None:
    """Kill a process, and its group if it is the group leader."""
    if os.getpgid(process.pid) == process.pid:
        os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()


def _process(part: RunningComponent) -> psutil.Process | None:
    try:
        process = psutil.Process(part.pid)
        same = abs(process.create_time() - part.started) < CLOCK_STEP
        return process if same and process.status() != psutil.STATUS_ZOMBIE else None
    except psutil.NoSuchProcess:
        return None
