"""Keeps aiokafka from asking a cluster that is gone for its metadata without a pause."""

from __future__ import annotations

import asyncio
from typing import Any

PAUSE_SECONDS = 0.2


def ask_patiently(client: Any) -> None:
    """Let a client of aiokafka wait a little when nobody answered.

    It asks again at once for as long as a partition has no leader: where every broker refuses a connection, as at the
    end of a cluster that was shut down broker by broker, that takes a whole core.
    """
    update = client._metadata_update

    async def update_or_wait(*told: Any) -> bool:
        done: bool = await update(*told)
        if not done:
            await asyncio.sleep(PAUSE_SECONDS)
        return done

    client._metadata_update = update_or_wait
