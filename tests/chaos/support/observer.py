"""Observe a crash test: snapshots of offsets while it runs, and every record at its end."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka import TopicPartition as Where

from headrace.schemas import topics
from headrace.schemas.kafka import clients
from headrace.schemas.kafka.settings import KafkaSettings
from headrace.schemas.messages import ConsumerRecord
from headrace.streams.stage import Stage
from tests.chaos.support import feed
from tests.chaos.support.history import (
    Delayed,
    Effect,
    Glimpse,
    History,
    Input,
    Letter,
    Output,
    Place,
    TopicPartition,
)

GLIMPSE_SECONDS = 0.5


class Watch:
    """Take snapshots of the committed and end offsets of a stage every 0.5 s."""

    def __init__(self, stage: Stage, cluster: KafkaSettings, folder: Path) -> None:
        self.glimpses: list[Glimpse] = []
        self.lag: dict[TopicPartition, int] = {}
        self._cluster = cluster
        self._logs = folder
        self._read: dict[Path, int] = {}
        self._superseded: list[Place] = []
        self._connect = partial(clients.simple_consumer, cluster, **{"group.id": stage.group})
        self._reader = self._connect()
        self._in = _partitions(topic.name for topic in stage.inputs)
        self._out = _partitions((topics.SCANNED.name, topics.JOBS_STARTED.name, topics.dead_letters(stage.name).name))
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="watch", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Stop the thread and take a last snapshot."""
        self._stop.set()
        self._thread.join()
        self.look()
        self._reader.close()

    def look(self) -> bool:
        """Take a snapshot: committed offsets first, then end offsets. Return False if a broker is unavailable."""
        try:
            with self._lock:
                self._look()
        except KafkaException as error:
            if error.args[0].code() == KafkaError._UNKNOWN_PARTITION:
                # The client caches the partitions that a starting broker did not know for minutes.
                self._reader.close()
                self._reader = self._connect()
            return False
        return True

    def superseded(self, causes: dict[Place, str]) -> list[str]:
        """Return the superseded inputs, in the order of the workers' logs."""
        return [causes.get(place, f"unknown, at {place}") for place in self._superseded]

    def _watch(self) -> None:
        while not self._stop.wait(GLIMPSE_SECONDS):
            self.look()

    def _look(self) -> None:
        found = self._reader.committed([Where(*each) for each in self._in], timeout=30)
        committed = {(each.topic, each.partition): each.offset for each in found if each.offset >= 0}
        self._scan_logs()
        ends = {each: self._end(each) for each in (*self._in, *self._out)}
        self.glimpses.append(Glimpse(committed, ends, len(self._superseded)))
        self.lag = {each: ends[each] - committed.get(each, 0) for each in self._in}

    def _end(self, where: TopicPartition) -> int:
        _, end = self._reader.get_watermark_offsets(Where(*where), timeout=30)
        return int(end)

    def _scan_logs(self) -> None:
        for log in sorted(self._logs.glob("*.log")):
            with log.open("rb") as file:
                file.seek(self._read.get(log, 0))
                for line in file:
                    if line.endswith(b"\n"):
                        self._read[log] = self._read.get(log, 0) + len(line)
                        self._note(line)

    def _note(self, line: bytes) -> None:
        fields = json.loads(line) if line.startswith(b"{") else {}
        if fields.get("event") == "superseded":
            topic, partition, offset = fields["record"].rsplit("/", 2)
            self._superseded.append(Place(topic, int(partition), int(offset)))


def read_back(cluster: KafkaSettings, names: Iterable[str]) -> list[ConsumerRecord]:
    """Read topics from their first offset to the end offset that they have now. Writers may go on meanwhile."""
    reader = clients.simple_consumer(cluster)
    behind = {each: reader.get_watermark_offsets(Where(*each), timeout=30)[1] for each in _partitions(names)}
    behind = {each: end for each, end in behind.items() if end > 0}
    reader.assign([Where(*each, 0) for each in behind])
    records = []
    while behind:
        message = reader.poll(10)
        assert message is not None, "the broker does not respond"
        error: Any = message.error()
        if error is None:
            records.append(_received(message))
        elif error.code() != KafkaError._PARTITION_EOF:
            raise KafkaException(error)
        place = str(message.topic()), int(message.partition() or 0)
        position = int(message.offset() or 0) + (error is None)
        if position >= behind.get(place, position + 1):
            del behind[place]
    reader.close()
    return records


def history(stage: Stage, cluster: KafkaSettings, watch: Watch, inputs: list[Input], ledger: Path) -> History:
    """Build the history of a run."""
    own = b"headrace/" + stage.name.encode()
    results = read_back(cluster, (topics.SCANNED.name, topics.JOBS_STARTED.name))
    delayed = [_delayed(each) for each in read_back(cluster, [topics.retry(stage.name).name])]
    letters = [_letter(each) for each in read_back(cluster, [topics.dead_letters(stage.name).name])]
    causes = {each.place: each.id for each in inputs} | {each.place: each.cause for each in delayed}
    return History(
        inputs=inputs,
        outputs=[_output(each) for each in results if dict(each.headers)["ce_source"] == own],
        delayed=delayed,
        letters=letters,
        superseded=watch.superseded(causes),
        effects=[Effect(each.cause, each.token) for each in feed.effects(ledger)],
        glimpses=watch.glimpses,
        ordered=stage.ordered,
    )


def codes(stage: Stage, cluster: KafkaSettings) -> set[str]:
    """Return the error codes of a stage's dead letters."""
    letters = read_back(cluster, [topics.dead_letters(stage.name).name])
    return {_header(each, "dlq-code") for each in letters}


def _output(record: ConsumerRecord) -> Output:
    cause, root = _header(record, "ce_causationid"), _header(record, "ce_correlationid")
    return Output(cause, _header(record, "ce_id"), _place(record), root)


def _delayed(record: ConsumerRecord) -> Delayed:
    return Delayed(_header(record, "ce_id"), _place(record))


def _letter(record: ConsumerRecord) -> Letter:
    same = feed.digest(record.key, record.value, record.headers)
    return Letter(_header(record, "ce_id"), _place(record), same)


def _header(record: ConsumerRecord, name: str) -> str:
    return (dict(record.headers)[name] or b"").decode()


def _place(record: ConsumerRecord) -> Place:
    return Place(record.topic, record.partition, record.offset)


def _partitions(names: Iterable[str]) -> list[TopicPartition]:
    return [(name, partition) for name in names for partition in range(topics.PARTITIONS)]


def _received(got: Any) -> ConsumerRecord:
    seconds = got.timestamp()[1] / 1000
    headers = tuple(got.headers() or ())
    return ConsumerRecord(got.topic(), got.partition(), got.offset(), seconds, got.key(), got.value(), headers)
