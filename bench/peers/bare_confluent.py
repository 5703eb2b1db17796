"""confluent-kafka alone: batches, handled one record after another, offsets stored behind each batch."""

from __future__ import annotations

from clock import Clock, Task, task
from confluent_kafka import Consumer


def main(todo: Task) -> None:
    """Read to the end."""
    clock = Clock(todo.records)
    consumer = Consumer(
        {
            "bootstrap.servers": todo.bootstrap_servers,
            "group.id": todo.group,
            "auto.offset.reset": "earliest",
            "enable.auto.offset.store": False,
        }
    )
    consumer.subscribe([todo.reads])
    while True:
        batch = consumer.consume(1000, timeout=1.0)
        for record in batch:
            clock.tick()
            consumer.store_offsets(record)


main(task())
