"""Which object version runs a stage for a content: one at a time, over all workers.

A claim is an object in the results bucket, `_content/<result name>/<digest>.json`, changed by conditional writes only.
It names the version that runs the stage. The result itself is in the folder of that version.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import msgspec

from headrace.schemas.records import Asset, StageFailure
from headrace.streams.result_paths import version_folder
from headrace.streams.results import AssetResults, ResultsStore
from headrace.streams.reuse.bucket import ContentBucket, TaggedContent
from headrace.streams.stage import Stage

LEASE = timedelta(hours=1)
"""How long a version that has started nothing keeps its claim without another attempt."""


class Claim(msgspec.Struct, frozen=True):
    """The version that runs a stage for a content. It is not `held` once the stage has failed for it.

    `failure` is that of its job, which ended at `failed_at`.
    """

    holder: Asset
    until: datetime
    held: bool = True
    failure: StageFailure | None = None
    failed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Own:
    """This version runs the stage."""


@dataclass(frozen=True, slots=True)
class Stored:
    """Another version has a result."""

    holder: Asset
    results: AssetResults


@dataclass(frozen=True, slots=True)
class Held:
    """Another version runs the stage."""

    holder: Asset


@dataclass(frozen=True, slots=True)
class Failed:
    """The job of another version, for which this one has waited, has failed."""

    holder: Asset
    failure: StageFailure


ClaimState = Own | Stored | Held | Failed


class ContentClaims:
    """The claims of one stage."""

    def __init__(
        self, stage: Stage, bucket: ContentBucket, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._stage = stage
        self._bucket = bucket
        self._results = ResultsStore(bucket)
        self._clock = clock

    async def take(self, digest: str, asset: Asset, since: datetime | None = None) -> ClaimState:
        """Claim a content, unless another version has a result, runs the stage, or had a failed job after `since`."""
        while True:
            found = await self._bucket.get_tagged(self._key(digest))
            answer = None if found is None else await self._answer(_decode(found), asset, since)
            if answer is not None:
                return answer
            if await self._write(digest, Claim(asset, self._clock() + LEASE), found):
                return Own()

    async def take_over(self, digest: str, asset: Asset, holder: Asset) -> bool:
        """Claim a content whose holder has no usable result. Return False if the claim has changed meanwhile."""
        found = await self._bucket.get_tagged(self._key(digest))
        if found is not None and not _is_same(_decode(found).holder, holder):
            return False
        return await self._write(digest, Claim(asset, self._clock() + LEASE), found)

    async def holds(self, digest: str, asset: Asset) -> bool:
        """Return whether a version holds the claim."""
        found = await self._bucket.get_tagged(self._key(digest))
        return found is not None and _holds(_decode(found), asset)

    async def stored_elsewhere(self, digest: str, asset: Asset) -> bool:
        """Return whether another version has a result for a content."""
        found = await self._bucket.get_tagged(self._key(digest))
        if found is None:
            return False
        holder = _decode(found).holder
        return not _is_same(holder, asset) and (await self._results.load(holder)).has(self._stage.result_name)

    async def give_up(self, digest: str, asset: Asset, failure: StageFailure | None = None) -> None:
        """Let another version run the stage, after a failure of this one; `failure` is that of its job."""
        found = await self._bucket.get_tagged(self._key(digest))
        if found is not None and _holds(claim := _decode(found), asset):
            failed_at = None if failure is None else self._clock()
            given_up = msgspec.structs.replace(claim, held=False, failure=failure, failed_at=failed_at)
            await self._write(digest, given_up, found)

    async def _answer(self, claim: Claim, asset: Asset, since: datetime | None) -> ClaimState | None:
        """Return what a claim means for a version; None if the version may replace it."""
        now = self._clock()
        if _is_same(claim.holder, asset):
            return Own() if claim.held and claim.until - now > LEASE / 2 else None
        results = await self._results.load(claim.holder)
        if results.has(self._stage.result_name):
            return Stored(claim.holder, results)
        if not claim.held:
            waited = since is not None and claim.failed_at is not None and since <= claim.failed_at
            return Failed(claim.holder, claim.failure) if waited and claim.failure else None
        runs = results.has(self._stage.started_name) or (claim.until > now and not results.newer)
        return Held(claim.holder) if runs else None

    async def _write(self, digest: str, claim: Claim, found: TaggedContent | None) -> bool:
        etag = None if found is None else found.etag
        return await self._bucket.put_if(self._key(digest), msgspec.json.encode(claim), etag)

    def _key(self, digest: str) -> str:
        return f"_content/{self._stage.result_name}/{digest}.json"


def _decode(found: TaggedContent) -> Claim:
    return msgspec.json.decode(found.content, type=Claim)


def _holds(claim: Claim, asset: Asset) -> bool:
    return claim.held and _is_same(claim.holder, asset)


def _is_same(one: Asset, other: Asset) -> bool:
    return version_folder(one) == version_folder(other)
