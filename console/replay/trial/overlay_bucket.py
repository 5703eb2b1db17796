"""The results store as a trial sees it: what is there, but for one stage's own results. It writes beside it."""

from __future__ import annotations

import re

from headrace.streams.results import ResultsBucket

PAGE = 1000


def folder_of(trial: str) -> str:
    """Name the folder of what a trial writes. No bucket's name can begin with an underscore."""
    return f"_replays/{trial}/"


class OverlayBucket:
    """`streams.results.Bucket` over another one, which is only read but for the trial's own folder in it."""

    def __init__(self, bucket: ResultsBucket, trial: str, stage: str) -> None:
        self._bucket = bucket
        self._folder = folder_of(trial)
        self._own_results = re.compile(rf".*/{re.escape(stage)}@[^/.]+(?:\.failed)?\.json")
        self.name = bucket.name

    async def list(self, prefix: str, after: str) -> list[str]:
        """Name at most 1,000 keys under a prefix that come after a key, in text order."""
        there = await self._bucket.list(prefix, after)
        made = await self._bucket.list(self._folder + prefix, self._folder + after)
        seen = {key for key in there if not self._own_results.fullmatch(key)}
        return sorted(seen | {key.removeprefix(self._folder) for key in made})[:PAGE]

    async def get(self, key: str) -> bytes | None:
        """Give what the trial has stored, else what there is."""
        made = await self._bucket.get(self._folder + key)
        if made is not None or self._own_results.fullmatch(key):
            return made
        return await self._bucket.get(key)

    async def put(self, key: str, content: bytes, content_type: str) -> None:
        """Store an object in the trial's folder."""
        await self._bucket.put(self._folder + key, content, content_type)
