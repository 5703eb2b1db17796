"""Start, find, watch and end processes; the one door to psutil."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

import psutil

from headrace.sandbox.cluster.state_file import RunningComponent

Process: TypeAlias = psutil.Process

PROC = Path("/proc")

STARTTIME = 18
"""Where the start stands in Linux's /proc/PID/stat, behind the name and the state."""

CLOCK_STEP = 2.0
"""Seconds by which a process's start may seem to move when the system's clock is set."""


@dataclass(frozen=True, slots=True)
class ProcessCommand:
    """What to run, and in which folder; `variables` come on top of our own environment."""

    argv: tuple[str, ...]
    folder: Path
    variables: Mapping[str, str] = field(default_factory=dict)


def spawn(name: str, command: ProcessCommand, port: int, log: Path) -> RunningComponent:
    """Start a process in a session of its own, so that neither Ctrl-C nor our end reaches it; it writes to `log`."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        process = subprocess.Popen(
            command.argv,
            cwd=command.folder,
            env={**os.environ, **command.variables},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    part = RunningComponent(name, process.pid, psutil.Process(process.pid).create_time(), port, log)
    process.returncode = 0  # it is to outlive this object, which would warn of that
    return part


def is_alive(part: RunningComponent) -> bool:
    """Whether the very process that was started is still there, and no zombie."""
    return _process(part) is not None


def listens(part: RunningComponent) -> bool:
    """Whether this very process accepts connections on the part's port; another's answer there would mislead."""
    process = _process(part)
    try:
        sockets = process.net_connections("tcp") if process else []
    except psutil.Error:
        return False
    return any(each.status == psutil.CONN_LISTEN and each.laddr.port == part.port for each in sockets)


def stop(parts: Iterable[RunningComponent], patience: float = 10.0) -> None:
    """Ask the processes to end, together; after `patience` seconds end those that remain, with all their children.

    One that is gone, or whose id is another process's by now, is left alone.
    """
    end([process for part in parts if (process := _process(part))], patience)


def end(processes: Sequence[Process], patience: float) -> None:
    """Ask processes to end, and end those that remain after `patience` seconds."""
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.terminate()
    _gone, stubborn = psutil.wait_procs(processes, timeout=patience)
    for process in stubborn:
        with suppress(psutil.NoSuchProcess, ProcessLookupError):
            _kill(process)
    psutil.wait_procs(stubborn, timeout=patience)


def having(variable: str) -> list[tuple[Process, str]]:
    """Each process of our user that was started with this variable, other than this one, and the variable's value."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):  # gone, or another user's
            value = process.environ().get(variable)
            if value is not None and process.pid != os.getpid() and process.uids().real == os.getuid():
                found.append((process, value))
    return found


def command_line(process: Process) -> str:
    """What a process was started with; nothing when it is gone."""
    with suppress(psutil.Error):
        return " ".join(process.cmdline())
    return ""


def started(pid: int) -> str:
    """When a process was started, in words that no later one with the same id has; empty when it has ended.

    On Linux these are ticks since boot: the time of day would move when the system's clock is set.
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
    """Memory that a part holds; 0 when it is gone."""
    process = _process(part)
    try:
        return int(process.memory_info().rss) if process else 0
    except psutil.NoSuchProcess:
        return 0


def last_lines(log: Path, count: int = 5) -> list[str]:
    """The end of a log, without the frames of Java's stack traces: they hide what was said."""
    if not log.exists():
        return []
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    return [line for line in lines if line.strip() and not line.startswith("\tat ")][-count:]


def _kill(process: Process) -> None:
    """End a process, and its group where it leads one: those that we start do."""
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
