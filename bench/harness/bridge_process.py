"""A bridge, or a bare boto3 loop: `python -m bench.harness.bridge_process TASK` (JSON) empties a queue and prints
what it measured."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Literal

import boto3
import msgspec
import orjson
import psutil

from headrace.connectors.bridge.bridge import Bridge
from headrace.connectors.bridge.in_flight import InFlightMessage
from headrace.connectors.bridge.producer import BridgeProducer
from headrace.connectors.bridge.service import open_source
from headrace.connectors.bridge.settings import BridgeSettings
from headrace.schemas.kafka import clients
from headrace.schemas.kafka.settings import KafkaSettings
from headrace.schemas.runtime import gc_tuning
from headrace.schemas.serde import codec

LOOK_SECONDS = 0.02


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """The queue, its number of messages and the number of receivers."""

    kind: Literal["bridge", "bare"]
    queue_url: str
    messages: int
    receivers: int = 4
    bootstrap_servers: str = ""


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds from the first message to the last delete; delays of messages with a timestamp."""

    messages: int
    seconds: float
    delays_ms: list[float]
    resident_mb: list[float]


class Watch:
    """Records message delays, and the resident memory once a second."""

    def __init__(self, messages: int) -> None:
        self._messages = messages
        self.delays_ms: list[float] = []
        self.resident_mb: list[float] = []

    def until_done(self, done: Callable[[], int]) -> Measured:
        """Wait until all messages are done. The time starts at the first."""
        begun, looked = 0.0, 0.0
        while (now := time.perf_counter()) and done() < self._messages:
            begun = begun or (now if done() else 0.0)
            if now - looked > 1:
                looked = now
                self.resident_mb.append(psutil.Process().memory_info().rss / 1e6)
            time.sleep(LOOK_SECONDS)
        return Measured(
            messages=self._messages,
            seconds=now - begun,
            delays_ms=self.delays_ms,
            resident_mb=self.resident_mb,
        )

    def note(self, body: str) -> None:
        """Record the delay of a message that has a timestamp."""
        detail = orjson.loads(body).get("detail") if '"sent"' in body else None
        if detail:
            self.delays_ms.append(time.time() * 1000 - detail["sent"])


class MeasuredBridge(Bridge):
    """A bridge that records the delay of each acknowledged message."""

    watch: Watch

    def _on_acknowledged(self, messages: Sequence[InFlightMessage]) -> None:
        for message in messages:
            self.watch.note(message.sqs.body)
        super()._on_acknowledged(messages)


def bridge(task: Task) -> Measured:
    """Move all messages of the queue to Kafka."""
    watch = Watch(task.messages)
    settings = BridgeSettings(queue_urls=(task.queue_url,), bridge_receivers=task.receivers, bridge_poll_seconds=1)
    cluster = KafkaSettings(bootstrap_servers=task.bootstrap_servers)
    producer = BridgeProducer(partial(clients.producer, cluster))
    running = MeasuredBridge(settings, producer, codec.load(), threading.Event())
    running.watch = watch
    running.open()
    gc_tuning.reduce_gc_frequency()
    running.add(open_source(task.queue_url, settings))
    measured = watch.until_done(lambda: running.counts.deleted)
    running.close()
    return measured


def bare(task: Task) -> Measured:
    """Receive and delete with boto3, without Kafka."""
    watch, deleted = Watch(task.messages), [0] * task.receivers

    def work(number: int) -> None:
        client: Any = boto3.session.Session().client("sqs")
        while sum(deleted) < task.messages:
            found = client.receive_message(QueueUrl=task.queue_url, MaxNumberOfMessages=10, WaitTimeSeconds=1)
            messages = found.get("Messages") or []
            for each in messages:
                watch.note(each["Body"])
            entries = [{"Id": str(n), "ReceiptHandle": each["ReceiptHandle"]} for n, each in enumerate(messages)]
            if entries:
                client.delete_message_batch(QueueUrl=task.queue_url, Entries=entries)
            deleted[number] += len(entries)

    for number in range(task.receivers):
        threading.Thread(target=work, args=(number,), daemon=True).start()
    return watch.until_done(lambda: sum(deleted))


if __name__ == "__main__":
    orders = msgspec.json.decode(sys.argv[1], type=Task)
    print(msgspec.json.encode((bridge if orders.kind == "bridge" else bare)(orders)).decode())
