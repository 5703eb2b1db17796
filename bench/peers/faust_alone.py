"""Faust alone: an agent over a stream of events, with or without uvloop."""

from __future__ import annotations

import asyncio
from typing import Any

import faust
import uvloop
from clock import Clock, Task, task


async def main(todo: Task) -> None:
    """Read to the end."""
    clock = Clock(todo.records)
    app = faust.App(
        todo.group,
        broker=f"kafka://{todo.bootstrap_servers}",
        store="memory://",
        web_enabled=False,
        topic_allow_declare=False,
        topic_disable_leader=True,
        consumer_auto_offset_reset="earliest",
    )

    @app.agent(app.topic(todo.reads, value_type=bytes, value_serializer="raw"))
    async def handle(stream: Any) -> None:
        async for _ in stream:
            clock.tick()

    await app.start()
    await asyncio.Event().wait()


todo = task()
if todo.variant == "uvloop":
    uvloop.run(main(todo))
else:
    asyncio.run(main(todo))
