"""Wait for the result of another version of an asset, or of another asset, and be woken once it is on the log."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections import OrderedDict
from collections.abc import Iterable
from typing import Any

from headrace.schemas import topics
from headrace.schemas.messages import ConsumerRecord
from headrace.schemas.topics import Topic
from headrace.streams.errors import RetryAt
from headrace.streams.stage import Stage

LOOK_AGAIN_SECONDS = 15.0
"""A waiting record looks at the claim again after so long, even if it is not woken."""
LONGEST_WAIT_SECONDS = 600.0
"""Then the record goes to the retry topic, and later records of its key run."""
MAX_DEFER_SECONDS = 60.0
REMEMBERED = 10_000

CODE = "same_content"
"""The code of a retry that waits for identical content."""


class ResultWaiters:
    """The records of this worker that wait for results of others.

    `take` runs in the thread of a follower, everything else in the event loop.
    """

    def __init__(self, stages: Iterable[Stage], most_waiting: int, draw: random.Random | None = None) -> None:
        self._most_waiting = most_waiting
        self._draw = draw or random.Random()
        reusing = [stage for stage in stages if stage.reuse and stage.writes]
        self._stages = {stage.writes.name: stage.name for stage in reusing if stage.writes}
        self._letters = {topics.dead_letters(stage.name).name: stage.name for stage in reusing}
        self._tasks: dict[asyncio.Task[Any], str] = {}
        self._signals: dict[asyncio.Future[None], tuple[str, bytes]] = {}
        self._recent: OrderedDict[tuple[str, bytes], float] = OrderedDict()
        self._loop: asyncio.AbstractEventLoop | None = None

    def take(self, record: ConsumerRecord) -> None:
        """Wake the records that wait for a result; a dead letter wakes all that wait in its stage."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._wake, record.topic, record.key or b"")

    def is_waiting(self, task: asyncio.Task[Any]) -> bool:
        """Return whether a task waits for a result."""
        return task in self._tasks

    def admit(self, stage: str, waits: int) -> None:
        """Let a limited number of records of a stage wait in memory.

        Raises:
            RetryAt: enough records wait; this one waits in the retry topic, longer after each of its `waits`.
        """
        if sum(name == stage for name in self._tasks.values()) >= self._most_waiting:
            raise self.deferred(waits)

    def deferred(self, waits: int) -> RetryAt:
        """Return the error that sends a record to the retry topic."""
        longest = min(2.0 ** min(waits, 6), MAX_DEFER_SECONDS)
        return RetryAt(
            "another file with the same content is being processed", self._draw.uniform(0.5, 1) * longest, CODE
        )

    async def wait(self, stage: str, holder: bytes, since: float) -> None:
        """Return once a result of `holder` is on the log, at once if it came after `since`, or after 15 s."""
        self._loop = asyncio.get_running_loop()
        if self._recent.get((stage, holder), 0.0) >= since or self._recent.get((stage, b""), 0.0) >= since:
            return
        signal, task = self._loop.create_future(), asyncio.current_task()
        assert task is not None
        self._signals[signal], self._tasks[task] = (stage, holder), stage
        try:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(signal, LOOK_AGAIN_SECONDS)
        finally:
            del self._signals[signal], self._tasks[task]

    def begin(self) -> float:
        """Return a time to pass to `wait`: results after it count."""
        self._loop = asyncio.get_running_loop()
        return time.monotonic()

    def _wake(self, topic: str, key: bytes) -> None:
        is_letter = topic in self._letters
        stage = self._letters[topic] if is_letter else self._stages.get(topic, "")
        name = (stage, b"" if is_letter else key)
        self._recent[name] = time.monotonic()
        self._recent.move_to_end(name)
        if len(self._recent) > REMEMBERED:
            self._recent.popitem(last=False)
        for signal, (waiting_stage, holder) in self._signals.items():
            if waiting_stage == stage and (is_letter or holder == key) and not signal.done():
                signal.set_result(None)


def followed_topics(stages: Iterable[Stage]) -> tuple[Topic, ...]:
    """Return the topics whose records wake a waiting record."""
    reusing = [stage for stage in stages if stage.reuse and stage.writes]
    return tuple(topic for stage in reusing for topic in (stage.writes, topics.dead_letters(stage.name)) if topic)
