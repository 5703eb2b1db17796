"""The log as schema registry: writers publish to `system.schemas`, readers load it and follow it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable

import structlog
from confluent_kafka import Consumer, KafkaError, Producer, TopicPartition

from schemas import kafka, topics
from schemas.catalog import Version
from schemas.codec import Codec, fingerprint
from schemas.settings import KafkaSettings

log = structlog.get_logger("headrace")


class NotPublished(RuntimeError):
    """The broker did not take the schemas, so nothing may be written with them yet."""


def publish(producer: Producer, published: Iterable[Version], timeout: float = 30.0) -> None:
    """Put every schema on the log, keyed by fingerprint. Must succeed before a writer's first record.

    Raises `NotPublished` when the broker does not acknowledge all of them in `timeout` seconds.
    """
    failed: list[str] = []

    def delivered(error: KafkaError | None, _: object) -> None:
        if error is not None:
            failed.append(str(error))

    for version in published:
        key = fingerprint(version.schema).hex().encode()
        producer.produce(topics.SCHEMAS.name, json.dumps(version.schema).encode(), key, on_delivery=delivered)
    if producer.flush(timeout) or failed:
        raise NotPublished(failed[0] if failed else f"no answer in {timeout:g} s")


class SchemaLog:
    """Teaches a codec every schema on the log: those that are there at once, later ones as they come."""

    def __init__(self, settings: KafkaSettings, codec: Codec) -> None:
        self._settings = settings
        self._codec = codec
        self._caught_up = threading.Event()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="schema-log", daemon=True)

    def start(self, timeout: float = 30.0) -> bool:
        """Load what is there, then follow in a thread. False when the broker did not answer in time."""
        self._thread.start()
        return self._caught_up.wait(timeout)

    def stop(self) -> None:
        """Stop following."""
        self._stop.set()
        self._thread.join()

    def _follow(self) -> None:
        consumer = kafka.reader(self._settings)
        consumer.assign([TopicPartition(topics.SCHEMAS.name, 0, 0)])
        try:
            while not self._stop.is_set():
                self._take(consumer)
        finally:
            consumer.close()

    def _take(self, consumer: Consumer) -> None:
        message = consumer.poll(0.5)
        if message is None:
            return
        error = message.error()
        value = message.value()
        if error is not None:
            if error.code() == KafkaError._PARTITION_EOF:
                self._caught_up.set()
        elif value is not None:
            self._learn(value)

    def _learn(self, value: bytes) -> None:
        """Pass over what is no schema: one bad record must not blind every reader of the log."""
        try:
            self._codec.learn(json.loads(value))
        except (ValueError, RecursionError) as error:
            log.warning("not a schema", topic=topics.SCHEMAS.name, why=str(error))
