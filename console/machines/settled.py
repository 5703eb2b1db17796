"""Wait until this process reads what it wrote."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

SECONDS = 10.0
INTERVAL_SECONDS = 0.01


async def settled(is_done: Callable[[], bool], seconds: float = SECONDS) -> bool:
    """Wait until a condition holds, at most some seconds, and return whether it does."""
    deadline = time.monotonic() + seconds
    while not is_done():
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(INTERVAL_SECONDS)
    return True
