"""The results store: what every stage found, by asset and version, so that nothing is paid for twice.

    <bucket>%2F... one folder an asset
        <sequencer>-<version>/      one folder a version; text order is S3's order of versions
            labels@1.json           the stage's event
            labels@1.started.json   the job that will lead to it
            labels@1.failed.json    why there is none
            labels@1.answer.json    the service's whole answer (claim check)
    _jobs/<token>.json              what a job was started for

Source: Enterprise Integration Patterns, "Claim Check" and "Idempotent Receiver".
"""

from __future__ import annotations

import hashlib
import re
from functools import lru_cache
from typing import Any, Protocol
from urllib.parse import quote

import msgspec

from headrace.schemas.cloudevents import EventMetadata
from headrace.schemas.ids import sequencer_order
from headrace.schemas.records import EVENTS, Asset, Event, Pointer, StageFailure
from headrace.streams.errors import PermanentError

LONGEST_NAME = 480
_RESULT = re.compile(r"[a-z][a-z0-9-]*@\d+(?:e\d+)?(?:-[0-9a-f]+)?\.json")
_EDITION = re.compile(r"[a-z0-9-]+@(\d+)(?:e(\d+))?")


class ResultsBucket(Protocol):
    """The few things that are asked of object storage."""

    name: str

    async def list(self, prefix: str, after: str) -> list[str]:
        """Name at most 1,000 keys under a prefix that come after a key, in text order."""
        ...

    async def get(self, key: str) -> bytes | None:
        """Give an object's bytes; None when it is not there."""
        ...

    async def put(self, key: str, content: bytes, content_type: str) -> None:
        """Store an object. It is durable when this returns."""
        ...


class StoredResult(msgspec.Struct, frozen=True):
    """An event as it lies in the store. `event` is None where a stage had nothing to say."""

    cause: str
    event: str | None = None
    envelope: EventMetadata | None = None
    data: msgspec.Raw = msgspec.Raw(b"null")

    def record(self) -> Event:
        """Give the event itself. Raises KeyError for a marker without one."""
        found: Event = msgspec.json.decode(self.data, type=EVENTS[self.event or ""])
        return found


class JobIntent(msgspec.Struct, frozen=True):
    """What a job is for, stored before it is started: its completion carries no more than the token."""

    stage: str
    envelope: EventMetadata
    event: str
    data: msgspec.Raw

    def record(self) -> Any:
        """Give the record that the job was started for."""
        return msgspec.json.decode(self.data, type=EVENTS[self.event])


class AssetResults:
    """What the store has about one version of an asset, seen at one moment."""

    def __init__(self, bucket: ResultsBucket, folder: str, names: frozenset[str], newer: bool) -> None:
        self._bucket = bucket
        self._folder = folder
        self._names = names
        self.newer = newer
        """Whether something is known of a newer version of the same object."""
        self._read: dict[str, StoredResult] = {}

    def has(self, name: str) -> bool:
        """Return whether a result of that name was stored when the results were listed."""
        return f"{name}.json" in self._names

    async def stored(self, name: str) -> StoredResult | None:
        """Give the stored result of that name, such as `labels@1`; None when there is none."""
        if not self.has(name):
            return None
        if name not in self._read:
            content = await self._bucket.get(f"{self._folder}{name}.json")
            if content is None:
                return None
            self._read[name] = msgspec.json.decode(content, type=StoredResult)
        return self._read[name]

    def result(self, stage: str) -> str | None:
        """Name the newest result of a stage; None when it has none (yet)."""
        found = [name for name in self._names if name.startswith(f"{stage}@") and _RESULT.fullmatch(name)]
        return max(found, key=_edition).removesuffix(".json") if found else None

    async def started(self, stage: str) -> Event | None:
        """Give the newest start of a job of a stage; None where it has started none."""
        names = [name for name in self._names if name.startswith(f"{stage}@") and name.endswith(".started.json")]
        stored = await self.stored(max(names, key=_edition).removesuffix(".json")) if names else None
        return stored.record() if stored and stored.event else None

    def failed(self, stage: str) -> bool:
        """Whether a stage ended in a dead letter and has had no result since."""
        failures = (name for name in self._names if name.startswith(f"{stage}@") and name.endswith(".failed.json"))
        return self.result(stage) is None and any(failures)

    async def event(self, stage: str) -> Event | None:
        """Give a stage's event; None when there is no result or it had nothing to say."""
        name = self.result(stage)
        stored = await self.stored(name) if name else None
        return stored.record() if stored and stored.event else None

    async def events(self) -> list[Event]:
        """Give every stage's event: one read for each result there is."""
        names = (name.removesuffix(".json") for name in sorted(self._names) if _RESULT.fullmatch(name))
        stored = [await self.stored(name) for name in names]
        return [each.record() for each in stored if each and each.event]

    async def failure(self, stage: str) -> StageFailure:
        """Say why a stage that has failed did so."""
        name = max(name for name in self._names if name.startswith(f"{stage}@") and name.endswith(".failed.json"))
        content = await self._bucket.get(self._folder + name)
        return msgspec.json.decode(content or b"", type=StageFailure)


class ResultsStore:
    """The store over one bucket."""

    def __init__(self, bucket: ResultsBucket) -> None:
        self._bucket = bucket

    async def load(self, asset: Asset) -> AssetResults:
        """See with one request what is known of this version, and whether a newer one is."""
        folder = version_folder(asset)
        keys = await self._bucket.list(asset_folder(asset), after=folder)
        own = frozenset(key.removeprefix(folder) for key in keys if key.startswith(folder))
        return AssetResults(self._bucket, folder, own, newer=len(own) < len(keys))

    async def put(self, asset: Asset, name: str, event: Event | None, envelope: EventMetadata, cause: str) -> None:
        """Store a stage's event, or the marker that it had nothing to say."""
        stored = StoredResult(cause)
        if event is not None:
            stored = StoredResult(cause, event.EVENT, envelope, msgspec.Raw(msgspec.json.encode(event)))
        await self._put_json(f"{version_folder(asset)}{name}.json", stored)

    async def put_failure(self, asset: Asset, name: str, failure: StageFailure) -> None:
        """Store why a stage has no result."""
        await self._put_json(f"{version_folder(asset)}{name}.failed.json", failure)

    async def put_intent(self, token: str, stage: str, event: Event, envelope: EventMetadata) -> None:
        """Store what a job is for. Must be done before the job is started."""
        data = msgspec.Raw(msgspec.json.encode(event))
        await self._put_json(job_key(token), JobIntent(stage, envelope, event.EVENT, data))

    async def intent(self, token: str) -> JobIntent | None:
        """Give what a job was started for; None when nobody stored it."""
        content = await self._bucket.get(job_key(token))
        return msgspec.json.decode(content, type=JobIntent) if content is not None else None

    async def put_blob(self, asset: Asset, name: str, content: bytes, content_type: str) -> Pointer:
        """Store what is too big for an event, and say where it lies."""
        key = version_folder(asset) + name
        await self._bucket.put(key, content, content_type)
        digest = hashlib.sha256(content).hexdigest()
        return Pointer(bucket=self._bucket.name, key=key, size=len(content), sha256=digest, content_type=content_type)

    async def read(self, pointer: Pointer) -> bytes:
        """Give what `keep` stored. Raises `Unprocessable` when it is no longer there."""
        content = await self._bucket.get(pointer.key)
        if content is None:
            raise PermanentError("result_missing", f"s3://{pointer.bucket}/{pointer.key} is no longer there")
        return content

    async def _put_json(self, key: str, value: msgspec.Struct) -> None:
        await self._bucket.put(key, msgspec.json.encode(value), "application/json")


def _edition(name: str) -> tuple[int, int, str]:
    """Order the names of a stage's results: by the number of its version, then by its epoch, then as text."""
    found = _EDITION.match(name)
    return (int(found[1]), int(found[2] or 0), name) if found else (0, 0, name)


def asset_folder(asset: Asset) -> str:
    """Name the folder of everything about an object: one path segment for its key, so no two objects overlap."""
    return f"{asset.bucket}/{_segment(asset.key)}/"


def version_folder(asset: Asset) -> str:
    """Name the folder of one version; folders of one object sort as S3 orders its versions."""
    return f"{asset_folder(asset)}{sequencer_order(asset.sequencer)}-{_segment(asset.version)}/"


def job_key(token: str) -> str:
    """Name the object that says what a job was started for. No bucket's name can begin with an underscore."""
    return f"_jobs/{token}.json"


@lru_cache(16_384)
def _segment(name: str) -> str:
    """Make any name one path segment: readable where it can be, hashed where it could not be a key.

    Quoting is slow, and each name is asked for several times by each stage.
    """
    quoted = quote(name, safe="")
    if len(quoted) <= LONGEST_NAME and quoted.strip("."):
        return quoted
    return "sha256-" + hashlib.sha256(name.encode()).hexdigest()
