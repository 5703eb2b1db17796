"""This worker's view of `system.slots`: folds the records, and waits until the fold has reached a state."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypeVar

from headrace.schemas.messages import ConsumerRecord
from headrace.schemas.records import JobFinished
from headrace.schemas.serde.codec import Codec, DecodeError
from headrace.streams.limits.live_workers import LiveWorkers
from headrace.streams.limits.slot_queue import SlotQueue
from headrace.streams.limits.slot_records import WORKER, SlotEnd, SlotRecord, SlotStart, from_record

Answer = TypeVar("Answer")
OnStaleEnd = Callable[[str, SlotStart], None]


class SlotView:
    """The queue and the live workers, as far as this worker has read. Thread-safe.

    `take` and `take_finished` run in the threads of followers, everything else in the event loop.
    """

    def __init__(
        self,
        queue: SlotQueue,
        workers: LiveWorkers,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._queue = queue
        self._workers = workers
        self._clock = clock
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._position = 0
        self._signals: set[asyncio.Future[None]] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self.on_stale_end: OnStaleEnd = lambda *_: None
        """Called in the event loop with a running job whose claim another worker gave up too late."""

    def take(self, record: ConsumerRecord) -> None:
        """Apply a record of `system.slots`."""
        with self._lock:
            self._position = record.offset + 1
            parsed = from_record(record)
            if parsed is not None:
                self._apply(*parsed, record.offset)
        self._signal()

    def _apply(self, name: str, content: SlotRecord, offset: int) -> None:
        self._workers.hear(name, content, self._monotonic())
        if name.startswith(WORKER):
            return
        self._queue.apply(name, content, offset, self._clock())
        start = self._queue.start_of(name) if isinstance(content, SlotEnd) else None
        if start is not None and self._loop is not None:
            self._loop.call_soon_threadsafe(self.on_stale_end, name, start)

    def take_finished(self, record: ConsumerRecord, codec: Codec) -> None:
        """Free the slot of a job whose completion is on the log, before its stage has read it."""
        try:
            event = codec.decode_or_fetch(record.value)
        except DecodeError:  # its stage dead-letters it
            return
        if isinstance(event, JobFinished):
            with self._lock:
                self._queue.end(event.token, self._clock())
            self._signal()

    def read(self, question: Callable[[SlotQueue], Answer]) -> Answer:
        """Return an answer of the queue."""
        with self._lock:
            return question(self._queue)

    def silent_workers(self) -> tuple[set[str], list[str]]:
        """Return the workers that are silent, and those of them with a heartbeat on the log."""
        with self._lock:
            silent = self._workers.silent(self._monotonic())
            return silent, self._workers.with_heartbeat(silent)

    def forget(self, workers: set[str]) -> None:
        """Forget workers whose claims are removed."""
        with self._lock:
            self._workers.forget(workers)

    async def until(self, offset: int, condition: Callable[[SlotQueue], bool] = lambda _: True) -> None:
        """Return once the record at an offset has been applied and a condition of the queue is true."""
        self._loop = asyncio.get_running_loop()
        while True:
            with self._lock:
                if self._position > offset and condition(self._queue):
                    return
                signal = self._loop.create_future()
                self._signals.add(signal)
            try:
                await signal
            finally:
                self._signals.discard(signal)

    def _signal(self) -> None:
        if self._loop is not None and self._signals:
            self._loop.call_soon_threadsafe(self._wake)

    def _wake(self) -> None:
        for signal in self._signals:
            if not signal.done():
                signal.set_result(None)
