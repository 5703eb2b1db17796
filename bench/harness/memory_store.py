"""Results buckets in memory, as fast as one can be: what remains is the runner's own cost."""

from __future__ import annotations

from collections import defaultdict


class Shelves:
    """`streams.results.Bucket` that keeps one dictionary a folder."""

    def __init__(self, name: str = "results") -> None:
        self.name = name
        self._folders: defaultdict[str, dict[str, bytes]] = defaultdict(dict)

    async def list(self, prefix: str, after: str) -> list[str]:
        """Name the keys of an asset's folder that come after a key."""
        return sorted(key for key in self._folders[prefix] if key > after)

    async def get(self, key: str) -> bytes | None:
        """Give an object's bytes; None when it is not there."""
        return self._folders[_folder(key)].get(key)

    async def put(self, key: str, content: bytes, content_type: str) -> None:
        """Keep an object."""
        self._folders[_folder(key)][key] = content


class Forgetful(Shelves):
    """A bucket that keeps nothing: for runs without end."""

    async def put(self, key: str, content: bytes, content_type: str) -> None:
        """Forget an object."""


def _folder(key: str) -> str:
    """Name the folder of everything about an object: `bucket/object/`."""
    bucket, name, _ = key.split("/", 2)
    return f"{bucket}/{name}/"
