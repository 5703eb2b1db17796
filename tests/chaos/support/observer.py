"""What is seen of a crash test: glimpses while it runs, and everything on the log when it is over."""

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
    """Looks at a stage's committed offsets and at the log again and again."""

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
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """Look once more, and no longer."""
        self._stop.set()
        self._thread.join()
        self.look()
        self._reader.close()

    def look(self) -> bool:
        """Take a glimpse: first the committed offsets, and then what lies on the log. False when a broker is away."""
        try:
            with self._lock:
                self._look()
        except KafkaException as error:
            if error.args[0].code() == KafkaError._UNKNOWN_PARTITION:
                # What a broker that has just begun did not know is kept for minutes by who asked it.
                self._reader.close()
                self._reader = self._connect()
            return False
        return True

    def superseded(self, causes: dict[Place, str]) -> list[str]:
        """Name what was given up as overtaken, in the order in which it was seen in the workers' logs."""
        return [causes.get(place, f"nobody's, at {place}") for place in self._superseded]

    def _watch(self) -> None:
        while not self._stop.wait(GLIMPSE_SECONDS):
            self.look()

    def _look(self) -> None:
        found = self._reader.committed([Where(*each) for each in self._in], timeout=5)
        committed = {(each.topic, each.partition): each.offset for each in found if each.offset >= 0}
        self._scan_logs()
        ends = {each: self._end(each) for each in (*self._in, *self._out)}
        self.glimpses.append(Glimpse(committed, ends, len(self._superseded)))
        self.lag = {each: ends[each] - committed.get(each, 0) for each in self._in}

    def _end(self, where: TopicPartition) -> int:
        _, end = self._reader.get_watermark_offsets(Where(*where), timeout=5)
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
        said = json.loads(line) if line.startswith(b"{") else {}
        if said.get("event") == "superseded":
            topic, partition, offset = said["record"].rsplit("/", 2)
            self._superseded.append(Place(topic, int(partition), int(offset)))


def read_back(cluster: KafkaSettings, names: Iterable[str]) -> list[ConsumerRecord]:
    """Read topics from their beginning to their present end."""
    reader = clients.simple_consumer(cluster)
    partitions = [Where(*each, 0) for each in _partitions(names)]
    reader.assign(partitions)
    open_ends, found = len(partitions), []
    while open_ends:
        got = reader.poll(10)
        assert got is not None, "the broker does not answer"
        error: Any = got.error()
        if error is None:
            found.append(_received(got))
        elif error.code() == KafkaError._PARTITION_EOF:
            open_ends -= 1
        else:
            raise KafkaException(error)
    reader.close()
    return found


def history(stage: Stage, cluster: KafkaSettings, watch: Watch, inputs: list[Input], ledger: Path) -> History:
    """Put together everything that is known of a run."""
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
    """The codes under which a stage has dead-lettered."""
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
