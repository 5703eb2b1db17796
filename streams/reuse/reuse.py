"""Find the stored result of identical content for a record, or let the record run its stage."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from headrace.schemas.ids import asset_key
from headrace.schemas.records import Asset, Event, JobFinished, StageFailure
from headrace.streams.errors import PermanentError
from headrace.streams.results import AssetResults, ResultsStore
from headrace.streams.reuse.bucket import ContentBucket
from headrace.streams.reuse.claims import ContentClaims, Failed, Held, Own, Stored
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
class RecordArrival:
    """How a record came: how often it has been deferred, and when it first arrived; None if it was redriven."""

    waits: int = 0
    since: datetime | None = None


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

    async def find(
        self, record: Event, asset: Asset, results: AssetResults, arrival: RecordArrival
    ) -> ReusedResult | None:
        """Return the result of identical content; None if this record is to run the stage.

        It waits while another version runs the stage.

        Raises:
            RetryAt: the record waits in the retry topic.
            PermanentError: the job of the version that it has waited for has failed.
        """
        digest = await content_digest(record, results, self._settings)
        if digest is None:
            return None
        begun = time.monotonic()
        while True:
            looked = self._waiters.begin()
            match await self._claims.take(digest, asset, arrival.since):
                case Own():
                    return None
                case Stored() as stored:
                    reused = await self._copy(stored, asset)
                    if reused is not None:
                        return reused
                    if await self._claims.take_over(digest, asset, stored.holder):
                        return None
                case Failed(holder, failure):
                    raise PermanentError(failure.code, f"{failure.reason} (job of {_name(holder)}, the same content)")
                case Held() as held:
                    if looked - begun > LONGEST_WAIT_SECONDS:
                        raise self._waiters.deferred(arrival.waits)
                    self._waiters.admit(self._stage.name, arrival.waits)
                    await self._waiters.wait(self._stage.name, asset_key(held.holder).encode(), looked)

    async def check_claim(self, record: Event, asset: Asset) -> None:
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

    async def give_up(self, record: Event, asset: Asset, failure: StageFailure | None = None) -> None:
        """Let another version with the same content run the stage, after a failure of this one.

        Versions that have waited for its job get the `failure` of the job, if the record is its completion.
        """
        if isinstance(record, JobFinished):
            intent = await self._results.intent(record.token)
            if intent is None:
                return
            record = intent.record()
        else:
            failure = None
        digest = await self._digest(record, asset)
        if digest is not None:
            await self._claims.give_up(digest, asset, failure)

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
        return ReusedResult(copy.event if copy else None, _name(stored.holder), copy.usd if copy else 0.0)


def _name(asset: Asset) -> str:
    """Return the name of an object version: `bucket/key@version`."""
    return f"{asset_key(asset)}@{asset.version}"
