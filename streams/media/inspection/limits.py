"""Limit the process that inspects a file. Nothing can lift a limit again."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
from pathlib import Path

from headrace.streams.media.inspection import system_calls
from headrace.streams.media.inspection.messages import Limits

OOM_SCORE = Path("/proc/self/oom_score_adj")


def apply(limits: Limits) -> None:
    """Limit memory, CPU time, wall time, open files and system calls, and forbid core dumps and writing files.

    Wall time ends by SIGALRM, CPU time by SIGXCPU. A limit that the system does not know is left out.
    """
    system_calls.end_with_parent()
    os.nice(limits.niceness)
    with contextlib.suppress(OSError):
        OOM_SCORE.write_text("1000")  # out of memory, the kernel ends this process before the worker
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, limits.wall_seconds)
    _limit("RLIMIT_CPU", limits.cpu_seconds, margin=1)  # at the hard limit, the signal is SIGKILL
    _limit("RLIMIT_AS", limits.memory_bytes)
    _limit("RLIMIT_NOFILE", limits.open_files)
    _limit("RLIMIT_FSIZE", 0)
    _limit("RLIMIT_CORE", 0)
    if table := system_calls.call_table():
        system_calls.forbid_other_calls(table)


def _limit(name: str, value: int, margin: int = 0) -> None:
    """Set a limit; the hard limit is `margin` higher."""
    number: int | None = getattr(resource, name, None)
    if number is None:
        return
    _, hard = resource.getrlimit(number)
    highest = value + margin if hard == resource.RLIM_INFINITY else min(hard, value + margin)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(number, (min(value, highest), highest))
