"""Pause a stage when its recent internal errors show that the fault is not in the records.

The breaker opens when half of the recent records failed with an internal error, over several keys, and either for
several reasons or together with a record that succeeded before. One uploader's files share a reason, so they cannot
open it. An open breaker lets one record through after a pause; the outcome closes the breaker or doubles the pause.
Source: the circuit breaker of Nygard, "Release It!".
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from headrace.streams.engine.outcome import INTERNAL_ERROR, Dead, Outcome, Retry

WINDOW = 50
"""Outcomes that count."""
MIN_OUTCOMES = 20
"""Outcomes before the breaker can open."""
SHARE = 0.5
"""Share of internal errors that opens the breaker."""
MIN_KEYS = 5
"""Different keys with an internal error before the breaker can open."""
MIN_REASONS = 3
"""Different reasons that open the breaker without a failing sample."""
PAUSE_SECONDS = 15.0
MAX_PAUSE_SECONDS = 300.0

SampleFails = Callable[[], Awaitable[bool]]
"""Return whether a record that succeeded before fails with an internal error now."""


class InternalFailure(NamedTuple):
    """A record that failed with an internal error. The reason is the class of the exception: texts may be a file's."""

    key: object
    reason: str


_NO_TRIAL = object()


async def _no_sample() -> bool:
    return False


class CircuitBreaker:
    """The circuit breaker of one stage. `why` is empty while it is closed.

    A key identifies a running record: records of one key run one after the other.
    """

    def __init__(self, sample_fails: SampleFails = _no_sample, clock: Callable[[], float] = time.monotonic) -> None:
        self._sample_fails = sample_fails
        self._clock = clock
        self._recent: deque[InternalFailure | None] = deque(maxlen=WINDOW)
        self._pause = PAUSE_SECONDS
        self._next_trial = 0.0
        self._next_sample = 0.0
        self._trial: object = _NO_TRIAL
        self.why = ""

    def admits(self, key: object) -> bool:
        """Return whether a record may start. An open breaker admits one record after each pause."""
        if not self.why:
            return True
        if self._clock() < self._next_trial or self._trial is not _NO_TRIAL:
            return False
        self._trial = key
        return True

    def abandon(self, key: object) -> None:
        """End a trial without an outcome: its record was cancelled or deferred."""
        if self._trial == key:
            self._trial = _NO_TRIAL

    async def note(self, key: object, outcome: Outcome) -> None:
        """Count the outcome of a record; it may open or close the breaker."""
        failure = _failure(key, outcome)
        if self.why:
            self._note_trial(key, outcome, failure)
            return
        if isinstance(outcome, Retry):
            return
        self._recent.append(failure)
        if failure is not None and self._is_suspicious() and await self._is_ours():
            self._open(failure)

    def _note_trial(self, key: object, outcome: Outcome, failure: InternalFailure | None) -> None:
        """Close the breaker after a successful trial. Records that started before it opened do not count."""
        if self._trial is _NO_TRIAL or self._trial != key:
            return
        self._trial = _NO_TRIAL
        if isinstance(outcome, Retry):
            return
        if failure is None:
            self._recent.clear()
            self._pause, self.why = PAUSE_SECONDS, ""
        else:
            self._pause = min(2 * self._pause, MAX_PAUSE_SECONDS)
            self._next_trial = self._clock() + self._pause

    def _failures(self) -> list[InternalFailure]:
        return [each for each in self._recent if each is not None]

    def _is_suspicious(self) -> bool:
        failures = self._failures()
        enough = len(self._recent) >= MIN_OUTCOMES and len(failures) >= SHARE * len(self._recent)
        return enough and len({each.key for each in failures}) >= MIN_KEYS

    async def _is_ours(self) -> bool:
        if len({each.reason for each in self._failures()}) >= MIN_REASONS:
            return True
        if self._clock() < self._next_sample:
            return False
        self._next_sample = self._clock() + PAUSE_SECONDS
        return await self._sample_fails()

    def _open(self, failure: InternalFailure) -> None:
        if not self.why:
            count = len(self._failures())
            self.why = (
                f"{count} of the last {len(self._recent)} records failed with an internal error: {failure.reason}"
            )
            self._next_trial = self._clock() + self._pause


def _failure(key: object, outcome: Outcome) -> InternalFailure | None:
    if isinstance(outcome, Dead) and outcome.code == INTERNAL_ERROR:
        return InternalFailure(key, outcome.kind)
    return None
