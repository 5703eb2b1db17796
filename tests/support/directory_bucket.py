"""`streams.results.Bucket` in a folder; objects survive the process, as in S3."""

from __future__ import annotations

import itertools
import os
from pathlib import Path


class FolderBucket:
    """A bucket of files. Writes are atomic, and several processes may share it."""

    def __init__(self, folder: Path, name: str = "results") -> None:
        self.name = name
        self._objects = folder / "objects"
        self._unfinished = folder / "unfinished"
        self._numbers = itertools.count()
        for each in (self._objects, self._unfinished):
            each.mkdir(parents=True, exist_ok=True)

    async def list(self, prefix: str, after: str) -> list[str]:
        """Return at most 1,000 keys with the prefix after a key, sorted."""
        files = (self._objects / prefix.rpartition("/")[0]).rglob("*")
        keys = (file.relative_to(self._objects).as_posix() for file in files if file.is_file())
        return sorted(key for key in keys if key.startswith(prefix) and key > after)[:1000]

    async def get(self, key: str) -> bytes | None:
        """Return the bytes of an object, or None if it does not exist."""
        try:
            return (self._objects / key).read_bytes()
        except FileNotFoundError:
            return None

    async def put(self, key: str, content: bytes, content_type: str) -> None:
        """Create or replace an object."""
        new = self._unfinished / f"{os.getpid()}-{next(self._numbers)}"
        new.write_bytes(content)
        target = self._objects / key
        target.parent.mkdir(parents=True, exist_ok=True)
        os.replace(new, target)
