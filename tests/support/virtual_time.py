"""An event loop whose clock only waiting moves: a minute of backing off takes a moment, and always the same one."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

Found = TypeVar("Found")


class _Leap(selectors.DefaultSelector):
    """Instead of waiting it sets the clock forward."""

    now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        assert timeout is not None, "everything waits for something that will never come"
        self.now += max(0.0, timeout)
        return super().select(0)


class _Loop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._clock = _Leap()
        super().__init__(self._clock)

    def time(self) -> float:
        return self._clock.now


def run(work: Coroutine[Any, Any, Found]) -> Found:
    """Run work that waits for time alone."""
    with asyncio.Runner(loop_factory=_Loop) as runner:
        return runner.run(work)
