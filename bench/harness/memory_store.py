"""Results buckets in memory, to measure the runner without the cost of a store."""

from __future__ import annotations

from collections import defaultdict


class MemoryStore:
    """A `ResultsBucket` with one dictionary per folder."""

    def __init__(self, name: str = "results") -> None:
        self.name = name
        self._folders: defaultdict[str, dict[str, bytes]] = defaultdict(dict)

    async def list(self, prefix: str, after: str) -> list[str]:
        """Return the sorted keys of a folder after `after`."""
        return sorted(key for key in self._folders[prefix] if key > after)

    async def get(self, key: str) -> bytes | None:
        """Return the content of an object, or None."""
        return self._folders[_folder(key)].get(key)

    async def put(self, key: str, content: bytes, content_type: str) -> None:
        """Store an object."""
        self._folders[_folder(key)][key] = content


class DiscardingStore(MemoryStore):
    """A bucket that discards objects, for endless runs."""

    async def put(self, key: str, content: bytes, content_type: str) -> None:
        """Discard the object."""


def _folder(key: str) -> str:
    """Return the folder of an object: `bucket/object/`."""
    bucket, name, _ = key.split("/", 2)
    return f"{bucket}/{name}/"
