"""FastStream on confluent-kafka: one subscriber, one record at a time."""

from __future__ import annotations

import asyncio

from clock import Clock, Task, task
from faststream import FastStream
from faststream.confluent import KafkaBroker


async def main(todo: Task) -> None:
    """Read to the end."""
    clock = Clock(todo.records)
    broker = KafkaBroker(todo.bootstrap_servers, logger=None)

    @broker.subscriber(todo.reads, group_id=todo.group, auto_offset_reset="earliest")
    async def handle(_body: bytes) -> None:
        clock.tick()

    await FastStream(broker).run()


asyncio.run(main(task()))
