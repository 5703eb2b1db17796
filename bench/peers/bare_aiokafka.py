"""aiokafka alone: batches, handled one record after another, offsets committed behind each batch."""

from __future__ import annotations

import asyncio

from aiokafka import AIOKafkaConsumer
from clock import Clock, Task, task


async def main(todo: Task) -> None:
    """Read to the end."""
    clock = Clock(todo.records)
    consumer = AIOKafkaConsumer(
        todo.reads,
        bootstrap_servers=todo.bootstrap_servers,
        group_id=todo.group,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
    )
    await consumer.start()
    while True:
        batches = await consumer.getmany(timeout_ms=1000, max_records=2000)
        for records in batches.values():
            for _ in records:
                clock.tick()
        if batches:
            await consumer.commit()


asyncio.run(main(task()))
