"""Copy a stored result to another object version: its event, and the files that the event names.

The copy is complete: deleting the files of the first version does not affect it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import msgspec

from headrace.schemas.cloudevents import saved_usd
from headrace.schemas.ids import job_token
from headrace.schemas.records import EVENTS, Asset, Event
from headrace.streams.result_paths import version_folder
from headrace.streams.results import StoredResult
from headrace.streams.reuse.bucket import ContentBucket
from headrace.streams.stage import Stage

CONCURRENT_COPIES = 8


class NotCopyableError(Exception):
    """A result that names files of others, or files that no longer exist."""


@dataclass(frozen=True, slots=True)
class ResultCopy:
    """A copied event, and the US dollars of the calls behind its original."""

    event: Event
    usd: float


class ResultCopier:
    """Copies results of one stage."""

    def __init__(self, stage: Stage, bucket: ContentBucket) -> None:
        self._stage = stage
        self._bucket = bucket
        self._at_once = asyncio.Semaphore(CONCURRENT_COPIES)

    async def copy(self, stored: StoredResult, source: Asset, target: Asset) -> ResultCopy | None:
        """Copy a result and its files; None if the stage returned no event.

        Raises:
            NotCopyableError: the event names a file that does not belong to the result, or that no longer exists.
        """
        if stored.event is None:
            return None
        fields: dict[str, Any] = msgspec.json.decode(stored.data)
        fields["asset"] = msgspec.to_builtins(target)
        usd = sum(charge["usd"] for charge in fields.get("charges", ())) or saved_usd(stored.envelope)
        if "charges" in fields:
            fields["charges"] = []
        for folder, key in self._files(fields, source, target):
            await self._copy_files(folder, key)
        event: Event = msgspec.json.decode(msgspec.json.encode(fields), type=EVENTS[stored.event])
        return ResultCopy(event, round(usd, 6))

    def _files(self, fields: dict[str, Any], source: Asset, target: Asset) -> list[tuple[str, str]]:
        """Change the locations in an event to those of the copy. Return the files to copy: a key, or a folder.

        Raises:
            NotCopyableError: a file belongs to another object, stage or bucket.
        """
        token, own = (job_token(self._stage.name, each, self._stage.result_name) for each in (source, target))
        copies: dict[str, str] = {}
        for place in _places(fields):
            key = place["key"]
            output, _, name = key.partition(f"/{token}/")
            if place["bucket"] != self._bucket.name:
                raise NotCopyableError(f"s3://{place['bucket']}/{key} is in another bucket")
            if key.startswith(folder := version_folder(source)):
                place["key"] = version_folder(target) + key.removeprefix(folder)
                copies[key] = place["key"]
            elif name:
                place["key"] = f"{output}/{own}/{name}"
                copies[f"{output}/{token}/"] = f"{output}/{own}/"
            else:
                raise NotCopyableError(f"s3://{place['bucket']}/{key} does not belong to the result")
        return list(copies.items())

    async def _copy_files(self, source: str, target: str) -> None:
        """Copy a file, or every file of a folder."""
        keys = await self._list(source) if source.endswith("/") else [source]
        await asyncio.gather(*[self._copy(key, target + key.removeprefix(source)) for key in keys])

    async def _list(self, prefix: str) -> list[str]:
        keys: list[str] = []
        while page := await self._bucket.list(prefix, keys[-1] if keys else prefix):
            keys += page
        return keys

    async def _copy(self, source: str, target: str) -> None:
        async with self._at_once:
            if not await self._bucket.copy(source, target):
                raise NotCopyableError(f"{self._bucket.name}/{source} does not exist, or is too large to copy")


def _places(value: Any) -> Iterator[dict[str, Any]]:
    """Yield every location of a file in an event; its asset is none."""
    if isinstance(value, list):
        for each in value:
            yield from _places(each)
    elif isinstance(value, dict):
        if isinstance(value.get("bucket"), str) and isinstance(value.get("key"), str):
            yield value
        for name, each in value.items():
            if name != "asset":
                yield from _places(each)
