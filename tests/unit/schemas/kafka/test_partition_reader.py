"""A partition is read to the end that the broker lists, although a fetch ends before it."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException

from headrace.schemas.kafka import clients, partition_reader
from headrace.schemas.kafka.partition_reader import read_partition
from headrace.schemas.kafka.settings import KafkaSettings

SETTINGS = KafkaSettings(bootstrap_servers="unused:1")


class Fetched:
    """A message of a consumer: a record, or the end of a fetch at its offset."""

    def __init__(self, offset: int, is_end: bool = False) -> None:
        self._offset = offset
        self._is_end = is_end

    def error(self) -> KafkaError | None:
        return KafkaError(KafkaError._PARTITION_EOF) if self._is_end else None

    def topic(self) -> str:
        return "t"

    def partition(self) -> int:
        return 0

    def offset(self) -> int:
        return self._offset

    def timestamp(self) -> tuple[int, int]:
        return 1, 1000

    def key(self) -> bytes:
        return b"k"

    def value(self) -> bytes:
        return b"v"

    def headers(self) -> None:
        return None


class ScriptedConsumer:
    """Fetches some messages, and then nothing."""

    def __init__(self, end: int, messages: list[Fetched]) -> None:
        self._end = end
        self._messages = iter(messages)
        self.is_closed = False

    def get_watermark_offsets(self, *_: Any, **__: Any) -> tuple[int, int]:
        return 0, self._end

    def assign(self, _: Any) -> None: ...

    def poll(self, _: float) -> Fetched | None:
        return next(self._messages, None)

    def consume(self, *_: Any) -> list[Fetched]:
        return []

    def close(self) -> None:
        self.is_closed = True


def read(monkeypatch: pytest.MonkeyPatch, end: int, *messages: Fetched) -> list[int]:
    """Return the offsets of the records that are read."""
    consumer = ScriptedConsumer(end, list(messages))
    monkeypatch.setattr(clients, "simple_consumer", lambda _: consumer)
    try:
        return [record.offset for record in read_partition(SETTINGS, "t", 0)]
    finally:
        assert consumer.is_closed


def test_records_behind_the_high_watermark_of_a_new_leader_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    found = read(monkeypatch, 2, Fetched(0), Fetched(1, is_end=True), Fetched(1), Fetched(2, is_end=True))
    assert found == [0, 1]


def test_a_partition_whose_last_records_were_compacted_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    assert read(monkeypatch, 9, Fetched(0), Fetched(4), Fetched(9, is_end=True)) == [0, 4]


def test_an_empty_partition_is_not_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    assert read(monkeypatch, 0) == []


def test_records_that_do_not_arrive_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(partition_reader, "SILENT_POLLS", 3)
    with pytest.raises(KafkaException, match="no record below offset 2 arrives"):
        read(monkeypatch, 2, Fetched(0), Fetched(1, is_end=True))


def test_an_error_that_does_not_end_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    refused = Fetched(0)
    monkeypatch.setattr(refused, "error", lambda: KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED))
    with pytest.raises(KafkaException):
        read(monkeypatch, 2, *itertools.repeat(refused, 2))
