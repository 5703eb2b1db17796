"""Look up, without a write, whether records would reuse a result."""

from __future__ import annotations

from collections.abc import Sequence

from headrace.schemas.records import Asset, Event
from headrace.streams.results import ResultsStore
from headrace.streams.reuse.bucket import ContentBucket
from headrace.streams.reuse.claims import ContentClaims
from headrace.streams.reuse.content import content_digest
from headrace.streams.stage import Stage


class ReuseLookup:
    """Looks up records of one stage. Of several records with the same content, only the first one runs the stage.

    `settings` are those of the worker that change results.
    """

    def __init__(self, stage: Stage, bucket: ContentBucket, settings: Sequence[str]) -> None:
        self._claims = ContentClaims(stage, bucket)
        self._results = ResultsStore(bucket)
        self._settings = settings
        self._running: set[str] = set()

    async def reuses(self, record: Event) -> bool:
        """Return whether a record reuses the result of another object version, or of an earlier record."""
        asset: Asset | None = getattr(record, "asset", None)
        if asset is None:
            return False
        digest = await content_digest(record, await self._results.load(asset), self._settings)
        if digest is None:
            return False
        if await self._claims.stored_elsewhere(digest, asset) or digest in self._running:
            return True
        self._running.add(digest)
        return False
