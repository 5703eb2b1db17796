"""Results bucket of a shadow run: hides the stage's own results and writes to a folder of its own."""

from __future__ import annotations

import re

from headrace.streams.results import ResultsBucket

PAGE = 1000


def folder_of(trial: str) -> str:
    """Return the folder of a shadow run. It cannot clash: no bucket name starts with an underscore."""
    return f"_replays/{trial}/"


class OverlayBucket:
    """A `ResultsBucket` over another one. Writes only to the folder of the shadow run."""

    def __init__(self, bucket: ResultsBucket, trial: str, stage: str) -> None:
        self._bucket = bucket
        self._folder = folder_of(trial)
        self._own_results = re.compile(rf".*/{re.escape(stage)}@[^/.]+(?:\.failed)?\.json")
        self.name = bucket.name

    async def list(self, prefix: str, after: str) -> list[str]:
        """Return at most 1,000 keys under `prefix` and after `after`, sorted."""
        keys: list[str] = []
        while True:
            live = await self._bucket.list(prefix, after)
            own = await self._bucket.list(self._folder + prefix, self._folder + after)
            own = [key.removeprefix(self._folder) for key in own]
            seen = {*own, *(key for key in live if not self._own_results.fullmatch(key))}
            # Behind the last key of a full page, the other list may have keys that come before the next page.
            end = min((page[-1] for page in (live, own) if len(page) == PAGE), default=None)
            keys += sorted(key for key in seen if end is None or key <= end)
            if end is None or len(keys) >= PAGE:
                return keys[:PAGE]
            after = end

    async def get(self, key: str) -> bytes | None:
        """Return the object of the shadow run, else the live one."""
        own = await self._bucket.get(self._folder + key)
        if own is not None or self._own_results.fullmatch(key):
            return own
        return await self._bucket.get(key)

    async def put(self, key: str, content: bytes, content_type: str) -> None:
        """Store an object in the folder of the shadow run."""
        await self._bucket.put(self._folder + key, content, content_type)
