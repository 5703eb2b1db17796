"""Small disks that a test fills: temporary file systems in memory, which only root can mount."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SIZE = 4 << 30
"""The largest content of a disk in bytes."""
PAGE = 4096


class Disk:
    """A file system of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def fill(self) -> None:
        """Leave no free space."""
        state = os.statvfs(self.folder)
        _mount("remount", max(1, state.f_blocks - state.f_bfree) * PAGE, self.folder)

    def empty(self) -> None:
        """Return the free space."""
        _mount("remount", SIZE, self.folder)


@contextmanager
def disk(folder: Path) -> Iterator[Disk]:
    """Mount a disk for the duration of the block. Raises OSError if this user cannot mount."""
    folder.mkdir(parents=True)
    _mount("rw", SIZE, folder)
    try:
        yield Disk(folder)
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=False, capture_output=True)


def _mount(options: str, size: int, folder: Path) -> None:
    command = ["mount", "-t", "tmpfs", "-o", f"{options},size={size}", "tmpfs", str(folder)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        raise OSError(done.stderr.strip() or "mount failed")
