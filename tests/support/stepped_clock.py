"""A wall clock that a test steps while a process runs: `HEADRACE_TEST_CLOCK` names a file with an offset in seconds.

`time.time`, `time.time_ns` and `datetime.now` of the process add the offset. Monotonic clocks, the timestamps of
librdkafka and other processes do not change, as after a step of the system clock of one host.
"""

from __future__ import annotations

import ctypes
import gc
import mmap
import os
import struct
import time
from collections.abc import Callable
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import Any

from headrace.console.app.main import main as headrace

VARIABLE = "HEADRACE_TEST_CLOCK"
_FORMAT = struct.Struct("d")


def step(file: Path, seconds: float) -> None:
    """Set the offset of the processes that read this file."""
    if not file.exists():
        file.write_bytes(_FORMAT.pack(0.0))
    with file.open("r+b") as opened, mmap.mmap(opened.fileno(), 0) as shared:
        _FORMAT.pack_into(shared, 0, seconds)


def install(file: Path) -> None:
    """Add the offset in a file to the wall clock of this process, until it ends."""
    with file.open("rb") as opened:
        shared = mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ)
    real_time = time.time

    def stepped() -> float:
        return real_time() + float(_FORMAT.unpack_from(shared)[0])

    time.time = stepped
    time.time_ns = lambda: int(stepped() * 1e9)
    _replace_now(stepped)


def main() -> Any:
    """Run `headrace` with the clock of HEADRACE_TEST_CLOCK."""
    install(Path(os.environ[VARIABLE]))
    return headrace()


def _replace_now(seconds: Callable[[], float]) -> None:
    """Replace `datetime.now`, whose type is immutable, in the members of the type."""

    def now(cls: type[datetime], tz: tzinfo | None = None) -> datetime:
        return cls.fromtimestamp(seconds(), tz)

    (members,) = gc.get_referents(datetime.__dict__)
    members["now"] = classmethod(now)
    ctypes.pythonapi.PyType_Modified(ctypes.py_object(datetime))
    assert abs(datetime.now(UTC).timestamp() - seconds()) < 60, "datetime.now is not replaced"
