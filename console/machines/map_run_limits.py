"""The limits that UpdateMapRun has set, in the results bucket: the history of an execution does not have them."""

from __future__ import annotations

from hashlib import sha256
from typing import Protocol

import msgspec

from headrace.console.machines.payload_bucket import PayloadBucket
from headrace.schemas.parsing import InvalidValueError, parse_struct
from headrace.streams.machines.execution.record import MapRunLimits


class StoredLimits(Protocol):
    """Keeps the limits of Map Runs that were changed while they ran."""

    def get(self, arn: str) -> MapRunLimits:
        """Return the changed limits of a run."""
        ...

    async def put(self, arn: str, limits: MapRunLimits) -> None:
        """Store limits of a run; those that are None stay as they are."""
        ...


class BucketLimits:
    """`StoredLimits` in the results bucket."""

    def __init__(self, bucket: PayloadBucket) -> None:
        self._bucket = bucket

    def get(self, arn: str) -> MapRunLimits:
        """Return the changed limits of a run; none if they were not changed, or cannot be read."""
        content = self._bucket.read(_key(arn))
        try:
            return MapRunLimits() if content is None else parse_struct(content, MapRunLimits)
        except InvalidValueError:
            return MapRunLimits()

    async def put(self, arn: str, limits: MapRunLimits) -> None:
        """Store limits of a run; those that are None stay as they are."""
        merged = self.get(arn).changed(limits)
        await self._bucket.put(_key(arn), msgspec.json.encode(merged), "application/json")


def _key(arn: str) -> str:
    return f"_machines/map-runs/{sha256(arn.encode('utf-8', 'surrogatepass')).hexdigest()}.json"
