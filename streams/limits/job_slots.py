"""Count running AWS jobs from the log, to stay within each service's concurrent-job quota.

A stage's quota is split over its partitions. Only the owner of a partition starts jobs for it, so workers need no
coordination. Each worker counts `jobs.started` and `jobs.finished`, so a new owner knows the running jobs.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime

from headrace.schemas.cloudevents import Headers
from headrace.schemas.ids import token_stage
from headrace.schemas.records import JobFinished, JobStarted
from headrace.schemas.serde.codec import Codec, DecodeError
from headrace.streams.errors import ThrottledError


class TooFewSlotsError(ValueError):
    """The quota leaves a partition without a slot, so its records would never run."""


class JobSlots:
    """The slots and their jobs. Thread-safe."""

    def __init__(self, quotas: Mapping[str, int], partitions: int) -> None:
        for stage, quota in quotas.items():
            if quota < partitions:
                raise TooFewSlotsError(f"HEADRACE_SLOTS: {stage}={quota} must be at least its {partitions} partitions")
        self._quotas = quotas
        self._partitions = partitions
        self._lock = threading.Lock()
        self._open: dict[tuple[str, int], dict[str, datetime]] = defaultdict(dict)
        self._ended: set[str] = set()

    def take(self, stage: str, partition: int, token: str, now: datetime, until: datetime) -> None:
        """Reserve a slot for a job until it ends. A job keeps the slot it has.

        A finished job takes no slot: starting it again returns the same job by its token, without a second completion.

        Raises:
            ThrottledError: no slot is free.
        """
        quota = self._quotas.get(stage)
        if quota is None:
            return
        share = quota // self._partitions + (partition < quota % self._partitions)
        with self._lock:
            if token in self._ended:
                return
            jobs = self._open[stage, partition]
            for each in [each for each, deadline in jobs.items() if deadline <= now]:
                del jobs[each]
            if token not in jobs and len(jobs) >= share:
                raise ThrottledError(f"all {share} slots of partition {partition} are taken", "slots")
            jobs[token] = until

    def release(self, token: str) -> None:
        """Free the slot of a job that the service rejected."""
        with self._lock:
            self._free(token)

    def on_job_ended(self, token: str) -> None:
        """Free the slot of a finished job."""
        with self._lock:
            self._ended.add(token)
            self._free(token)

    def add(self, job: JobStarted) -> None:
        """Add a job that another worker started, unless it is finished."""
        with self._lock:
            if job.token not in self._ended:
                self._open[job.stage, job.partition][job.token] = job.deadline_at

    def taken(self, stage: str) -> int:
        """Return the number of running jobs of a stage."""
        with self._lock:
            return sum(len(self._open[stage, partition]) for partition in range(self._partitions))

    def _free(self, token: str) -> None:
        stage = token_stage(token) or ""
        for partition in range(self._partitions):
            self._open[stage, partition].pop(token, None)


class JobEventHandler:
    """Applies `jobs.started` and `jobs.finished` records to the slots, in any order."""

    def __init__(self, slots: JobSlots, codec: Codec) -> None:
        self._slots = slots
        self._codec = codec

    def take(self, value: bytes, _: Headers = ()) -> None:
        """Apply one record."""
        try:
            event = self._codec.decode_or_fetch(value)
        except DecodeError:  # its stage dead-letters it
            return
        if isinstance(event, JobFinished):
            self._slots.on_job_ended(event.token)
        elif isinstance(event, JobStarted):
            self._slots.add(event)
