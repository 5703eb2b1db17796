"""Find the stored result of identical content for a record, or let the record run its stage."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from headrace.schemas.ids import asset_key
from headrace.schemas.records import Asset, Event
from headrace.streams.results import AssetResults, ResultsStore
from headrace.streams.reuse.bucket import ContentBucket
from headrace.streams.reuse.claims import ContentClaims, Held, Own, Stored
from headrace.streams.reuse.content import content_digest
from headrace.streams.reuse.copies import NotCopyableError, ResultCopier
from headrace.streams.reuse.waiting import LONGEST_WAIT_SECONDS, ResultWaiters
from headrace.streams.stage import Stage


@dataclass(frozen=True, slots=True)
class ReuseResources:
    """What the stages of a worker share. `settings` are those of the worker that change results."""

    bucket: ContentBucket
    waiters: ResultWaiters
    settings: Sequence[str] = ()
    clock: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))


@dataclass(frozen=True, slots=True)
class ReusedResult:
    """A result that was copied from another object version. `event` is None if the stage returned none."""

    event: Event | None
    source: str
    usd: float


class ContentReuse:
    """Reuses results of one stage."""

    def __init__(self, stage: Stage, resources: ReuseResources) -> None:
        self._stage = stage
        self._claims = ContentClaims(stage, resources.bucket, resources.clock)
        self._copier = ResultCopier(stage, resources.bucket)
        self._results = ResultsStore(resources.bucket)
        self._waiters = resources.waiters
        self._settings = resources.settings

    async def find(self, record: Event, asset: Asset, results: AssetResults, waits: int) -> ReusedResult | None:
        """Return the result of identical content; None if this record is to run the stage.

        It waits while another version runs the stage. `waits` is how often the record has been deferred.

        Raises:
            RetryAt: the record waits in the retry topic.
        """
        digest = await content_digest(record, results, self._settings)
        if digest is None:
            return None
        begun = time.monotonic()
        while True:
            looked = self._waiters.begin()
            match await self._claims.take(digest, asset):
                case Own():
                    return None
                case Stored() as stored:
                    reused = await self._copy(stored, asset)
                    if reused is not None:
                        return reused
                    if await self._claims.take_over(digest, asset, stored.holder):
                        return None
                case Held() as held:
                    if looked - begun > LONGEST_WAIT_SECONDS:
                        raise self._waiters.deferred(waits)
                    self._waiters.admit(self._stage.name, waits)
                    await self._waiters.wait(self._stage.name, asset_key(held.holder).encode(), looked)

    async def confirm(self, record: Event, asset: Asset) -> None:
        """Check that a version still runs the stage, after it has waited for a slot.

        Raises:
            RetryAt: another version runs it.
        """
        digest = await self._digest(record, asset)
        if digest is not None and not await self._claims.holds(digest, asset):
            raise self._waiters.deferred(0)

    async def holds(self, record: Event, asset: Asset) -> bool:
        """Return whether a version is the one that runs the stage for its content."""
        digest = await self._digest(record, asset)
        return digest is not None and await self._claims.holds(digest, asset)

    async def give_up(self, record: Event, asset: Asset) -> None:
        """Let another version with the same content run the stage, after a failure of this one."""
        digest = await self._digest(record, asset)
        if digest is not None:
            await self._claims.give_up(digest, asset)

    async def _digest(self, record: Event, asset: Asset) -> str | None:
        return await content_digest(record, await self._results.load(asset), self._settings)

    async def _copy(self, stored: Stored, asset: Asset) -> ReusedResult | None:
        """Copy a result; None if it is incomplete, or was deleted meanwhile."""
        result = await stored.results.stored(self._stage.result_name)
        if result is None:
            return None
        try:
            copy = await self._copier.copy(result, stored.holder, asset)
        except NotCopyableError:
            return None
        source = f"{asset_key(stored.holder)}@{stored.holder.version}"
        return ReusedResult(copy.event if copy else None, source, copy.usd if copy else 0.0)
