"""Which workers are alive, from the records that they append to `system.slots`."""

from __future__ import annotations

from collections.abc import Iterable

from headrace.streams.limits.slot_records import WORKER, SlotClaim, SlotEnd, SlotRecord, SlotStart, WorkerHeartbeat

BEATS = 6
"""Heartbeats per session timeout. A worker that misses four is silent, so its claims are removed within the timeout."""


class LiveWorkers:
    """When each worker was last heard. Not thread-safe."""

    def __init__(self, own: str, session_seconds: float) -> None:
        self._own = own
        self._session_seconds = session_seconds
        self._heard: dict[str, float] = {}
        self._beating: set[str] = set()

    @property
    def interval(self) -> float:
        """Return the seconds between heartbeats."""
        return self._session_seconds / BEATS

    def hear(self, name: str, content: SlotRecord, now: float) -> None:
        """Note a record. Only records of the worker itself count, not tombstones."""
        worker = name.removeprefix(WORKER) if isinstance(content, WorkerHeartbeat) else ""
        if isinstance(content, SlotClaim | SlotStart):
            worker = content.worker
        if worker:
            self._heard[worker] = now
        if isinstance(content, WorkerHeartbeat):
            self._beating.add(worker)
        elif isinstance(content, SlotEnd) and name.startswith(WORKER):
            self._beating.discard(name.removeprefix(WORKER))

    def silent(self, now: float) -> set[str]:
        """Return the workers that are silent; none while this worker does not hear itself and may be cut off."""
        limit = now - 4 * self.interval
        if self._heard.get(self._own, limit) <= limit:
            return set()
        return {worker for worker, heard in self._heard.items() if heard <= limit}

    def with_heartbeat(self, workers: Iterable[str]) -> list[str]:
        """Return the workers with a heartbeat on the log."""
        return [worker for worker in workers if worker in self._beating]

    def forget(self, workers: Iterable[str]) -> None:
        """Forget workers whose claims are removed."""
        for worker in workers:
            self._heard.pop(worker, None)
