"""Jobs at work at AWS, counted from the log, so that no service is ever asked for more at a time than it allows.

A stage's quota is split over its partitions. Only the worker that owns a partition starts jobs for it, so workers need
no agreement; every worker counts from `jobs.started` and `jobs.finished`, so a new owner knows of its forerunner's.
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
    """A quota that leaves a partition without a slot: its records would wait for ever."""


class JobSlots:
    """Who holds which slot. Safe from any thread."""

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
        """Hold a slot for a job until it ends; a job that has one keeps it. Raises `Throttled` when none is free.

        A job that has ended holds none: who starts it once more, because the first answer was lost, is given the same
        job by its token, and nobody will tell of its end a second time.
        """
        quota = self._quotas.get(stage)
        if quota is None:
            return
        share = quota // self._partitions + (partition < quota % self._partitions)
        with self._lock:
            if token in self._ended:
                return
            held = self._open[stage, partition]
            for each in [each for each, deadline in held.items() if deadline <= now]:
                del held[each]
            if token not in held and len(held) >= share:
                raise ThrottledError(f"all {share} slots of partition {partition} are taken", "slots")
            held[token] = until

    def release(self, token: str) -> None:
        """Free the slot of a job that the service never accepted."""
        with self._lock:
            self._free(token)

    def on_job_ended(self, token: str) -> None:
        """Note that a job has ended."""
        with self._lock:
            self._ended.add(token)
            self._free(token)

    def add(self, job: JobStarted) -> None:
        """Note a job that any worker started, unless its end is known already."""
        with self._lock:
            if job.token not in self._ended:
                self._open[job.stage, job.partition][job.token] = job.deadline_at

    def taken(self, stage: str) -> int:
        """How many jobs of a stage are at work."""
        with self._lock:
            return sum(len(self._open[stage, partition]) for partition in range(self._partitions))

    def _free(self, token: str) -> None:
        stage = token_stage(token) or ""
        for partition in range(self._partitions):
            self._open[stage, partition].pop(token, None)


class JobEventHandler:
    """Folds `jobs.started` and `jobs.finished`, two topics without an order between them, into slots."""

    def __init__(self, slots: JobSlots, book: Codec) -> None:
        self._slots = slots
        self._book = book

    def take(self, value: bytes, _: Headers = ()) -> None:
        """Learn from one record, in any order."""
        try:
            event = self._book.decode_or_fetch(value)
        except DecodeError:  # its stage dead-letters it
            return
        if isinstance(event, JobFinished):
            self._slots.on_job_ended(event.token)
        elif isinstance(event, JobStarted):
            self._slots.add(event)
