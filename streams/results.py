"""The results store: the result of each stage by asset and version, so that no call is billed twice.

    <bucket>%2F... one folder per asset
        <sequencer>-<version>/      one folder per version; text order is S3's order of versions
            labels@1.json           the stage's event
            labels@1.started.json   the running job
            labels@1.failed.json    the failure
            labels@1.answer.json    the complete response of the service (claim check)
    _jobs/<token>.json              the record that a job was started for

Source: Enterprise Integration Patterns, "Claim Check" and "Idempotent Receiver".
"""

from __future__ import annotations

import hashlib
import re
from typing import Any, Protocol

import msgspec

from headrace.schemas.cloudevents import EventMetadata
from headrace.schemas.records import EVENTS, Asset, Charge, Event, Pointer, StageFailure
from headrace.streams.errors import PermanentError
from headrace.streams.result_paths import asset_folder, job_key, version_folder

_RESULT = re.compile(r"[a-z][a-z0-9-]*@\d+(?:e\d+)?(?:-[0-9a-f]+)?\.json")
_EDITION = re.compile(r"[a-z0-9-]+@(\d+)(?:e(\d+))?")


class ResultsBucket(Protocol):
    """The operations of an object store."""

    name: str

    async def list(self, prefix: str, after: str) -> list[str]:
        """Return at most 1,000 keys with a prefix that sort after `after`, in text order."""
        ...

    async def get(self, key: str) -> bytes | None:
        """Return the content of an object; None if it does not exist."""
        ...

    async def put(self, key: str, content: bytes, content_type: str) -> None:
        """Store an object. Returns once it is durable."""
        ...


class StoredResult(msgspec.Struct, frozen=True):
    """A stored event. `event` is None if the stage returned no event."""

    cause: str
    event: str | None = None
    envelope: EventMetadata | None = None
    data: msgspec.Raw = msgspec.Raw(b"null")

    def record(self) -> Event:
        """Decode the event.

        Raises:
            KeyError: the stage returned no event.
        """
        event: Event = msgspec.json.decode(self.data, type=EVENTS[self.event or ""])
        return event


class _Charged(msgspec.Struct, frozen=True):
    """What the budget needs of an event of any kind."""

    charges: tuple[Charge, ...] = ()


class JobIntent(msgspec.Struct, frozen=True):
    """The record that a job is started for. It is stored before the start: the completion has only the token."""

    stage: str
    envelope: EventMetadata
    event: str
    data: msgspec.Raw

    def record(self) -> Any:
        """Decode the record that the job was started for."""
        return msgspec.json.decode(self.data, type=EVENTS[self.event])


class AssetResults:
    """The stored results of one asset version at the time of listing."""

    def __init__(self, bucket: ResultsBucket, folder: str, names: frozenset[str], newer: bool) -> None:
        self._bucket = bucket
        self._folder = folder
        self._names = names
        self.newer = newer
        """Whether the store has results of a newer version of the object."""
        self._read: dict[str, StoredResult] = {}

    def has(self, name: str) -> bool:
        """Return whether a result of that name was stored when the results were listed."""
        return f"{name}.json" in self._names

    async def stored(self, name: str) -> StoredResult | None:
        """Return the stored result of that name, such as `labels@1`; None if there is none."""
        if not self.has(name):
            return None
        if name not in self._read:
            content = await self._bucket.get(f"{self._folder}{name}.json")
            if content is None:
                return None
            self._read[name] = msgspec.json.decode(content, type=StoredResult)
        return self._read[name]

    def result(self, stage: str) -> str | None:
        """Return the name of the newest result of a stage; None if it has none."""
        names = [name for name in self._names if name.startswith(f"{stage}@") and _RESULT.fullmatch(name)]
        return max(names, key=_edition).removesuffix(".json") if names else None

    async def started(self, stage: str) -> Event | None:
        """Return the newest job start of a stage; None if it has started no job."""
        names = [name for name in self._names if name.startswith(f"{stage}@") and name.endswith(".started.json")]
        stored = await self.stored(max(names, key=_edition).removesuffix(".json")) if names else None
        return stored.record() if stored and stored.event else None

    def failed(self, stage: str) -> bool:
        """Return whether a stage has a dead letter and no result."""
        failures = (name for name in self._names if name.startswith(f"{stage}@") and name.endswith(".failed.json"))
        return self.result(stage) is None and any(failures)

    async def event(self, stage: str) -> Event | None:
        """Return the event of a stage; None if it has no result or returned no event."""
        name = self.result(stage)
        stored = await self.stored(name) if name else None
        return stored.record() if stored and stored.event else None

    async def charges(self) -> list[Charge]:
        """Return the charges of every result, also of events that only a newer version of Headrace has.

        Reads one object per result.
        """
        names = (name.removesuffix(".json") for name in sorted(self._names) if _RESULT.fullmatch(name))
        stored = [each for name in names if (each := await self.stored(name)) and each.event]
        return [charge for each in stored for charge in msgspec.json.decode(each.data, type=_Charged).charges]

    async def failure(self, stage: str) -> StageFailure:
        """Return the failure of a failed stage."""
        name = max(name for name in self._names if name.startswith(f"{stage}@") and name.endswith(".failed.json"))
        content = await self._bucket.get(self._folder + name)
        return msgspec.json.decode(content or b"", type=StageFailure)


class ResultsStore:
    """Reads and writes the results of one bucket."""

    def __init__(self, bucket: ResultsBucket) -> None:
        self._bucket = bucket

    async def load(self, asset: Asset) -> AssetResults:
        """List the results of this version, and whether there is a newer one, in one request."""
        folder = version_folder(asset)
        keys = await self._bucket.list(asset_folder(asset), after=folder)
        own = frozenset(key.removeprefix(folder) for key in keys if key.startswith(folder))
        return AssetResults(self._bucket, folder, own, newer=len(own) < len(keys))

    async def put(self, asset: Asset, name: str, event: Event | None, envelope: EventMetadata, cause: str) -> None:
        """Store the event of a stage, or that it returned none."""
        stored = StoredResult(cause)
        if event is not None:
            stored = StoredResult(cause, event.EVENT, envelope, msgspec.Raw(msgspec.json.encode(event)))
        await self._put_json(f"{version_folder(asset)}{name}.json", stored)

    async def put_failure(self, asset: Asset, name: str, failure: StageFailure) -> None:
        """Store the failure of a stage."""
        await self._put_json(f"{version_folder(asset)}{name}.failed.json", failure)

    async def put_intent(self, token: str, stage: str, event: Event, envelope: EventMetadata) -> None:
        """Store the record that a job is started for. Call it before the start."""
        data = msgspec.Raw(msgspec.json.encode(event))
        await self._put_json(job_key(token), JobIntent(stage, envelope, event.EVENT, data))

    async def intent(self, token: str) -> JobIntent | None:
        """Return the record that a job was started for; None if it is not stored."""
        content = await self._bucket.get(job_key(token))
        return msgspec.json.decode(content, type=JobIntent) if content is not None else None

    async def put_blob(self, asset: Asset, name: str, content: bytes, content_type: str) -> Pointer:
        """Store content that is too large for an event; return its location."""
        key = version_folder(asset) + name
        await self._bucket.put(key, content, content_type)
        return self._pointer(key, content, content_type)

    async def find_blob(self, asset: Asset, name: str, content_type: str) -> Pointer | None:
        """Return the location of content that `put_blob` stored; None if there is none."""
        key = version_folder(asset) + name
        content = await self._bucket.get(key)
        return None if content is None else self._pointer(key, content, content_type)

    def _pointer(self, key: str, content: bytes, content_type: str) -> Pointer:
        digest = hashlib.sha256(content).hexdigest()
        return Pointer(bucket=self._bucket.name, key=key, size=len(content), sha256=digest, content_type=content_type)

    async def read(self, pointer: Pointer) -> bytes:
        """Return content that `put_blob` stored.

        Raises:
            PermanentError: the content was deleted.
        """
        content = await self._bucket.get(pointer.key)
        if content is None:
            raise PermanentError("result_missing", f"s3://{pointer.bucket}/{pointer.key} does not exist")
        return content

    async def _put_json(self, key: str, value: msgspec.Struct) -> None:
        await self._bucket.put(key, msgspec.json.encode(value), "application/json")


def _edition(name: str) -> tuple[int, int, str]:
    """Return the sort key of a result name: version number, epoch, text."""
    match = _EDITION.match(name)
    return (int(match[1]), int(match[2] or 0), name) if match else (0, 0, name)
