"""A consumer with an in-memory Kafka."""

from __future__ import annotations

from typing import Any, cast

from faust.types import TP

from headrace.schemas import topics
from headrace.schemas.kafka.settings import KafkaSettings
from headrace.schemas.messages import ConsumerRecord
from headrace.streams.engine.outcome import RecordDisposition
from headrace.streams.engine.scheduler import KeyedScheduler
from headrace.streams.handlers import Transform
from headrace.streams.kafka.consumer import BatchConsumer
from headrace.streams.kafka.faust_app import create_app
from headrace.streams.settings import StreamSettings
from headrace.streams.stage import Stage


async def nothing(_: ConsumerRecord) -> RecordDisposition:
    return RecordDisposition.DONE


END = 1_000
"""The end of an input partition."""


class Kafka:
    """A cluster in memory: committed offsets, log start offsets, and the records of each fetch."""

    def __init__(self, committed: dict[TP, int | None], begin: int = 0, end: int = 0) -> None:
        self.offsets = committed
        self.accounts: dict[TP, str] = {}
        self.metadata: dict[TP, tuple[int, str]] = {}
        self.begin = begin
        self.end = end
        self.input_end = END
        self.sought: dict[TP, int] = {}
        self.asked: list[str] = []
        self.fetches: list[list[int]] = []
        self.position: dict[TP, int] = {}

    def assignment(self) -> set[TP]:
        return set(self.offsets)

    async def seek_to_committed(self) -> dict[TP, int | None]:
        self.asked.append("committed")
        return self.offsets

    async def committed(self, partitions: list[TP]) -> dict[TP, tuple[int, str]]:
        return {
            tp: (offset, self.accounts.get(tp, ""))
            for tp, offset in self.offsets.items()
            if offset is not None and tp in partitions
        }

    async def first_offsets_since(self, times: dict[TP, float]) -> dict[TP, int]:
        self.asked.append(f"since {[*times.values()]}")
        return dict.fromkeys(times, self.input_end - 2)

    async def earliest_offsets(self, *partitions: TP) -> dict[TP, int]:
        self.asked.append("begin")
        return dict.fromkeys(partitions, self.begin)

    async def highwaters(self, *partitions: TP) -> dict[TP, int]:
        self.asked.append("end")
        return {tp: self.end if tp.topic.endswith(".retry") else self.input_end for tp in partitions}

    async def seek_in_thread(self, partition: TP, offset: int) -> None:
        self.sought[partition] = offset

    async def positions(self) -> dict[TP, int]:
        return self.position

    async def known_ends(self) -> dict[TP, int]:
        return dict.fromkeys(self.offsets, self.input_end)

    async def getmany(self, active: set[TP], timeout: float) -> dict[TP, list[ConsumerRecord]]:
        offsets = self.fetches.pop(0)
        if not offsets:
            return {}
        return {
            tp: [ConsumerRecord(tp.topic, tp.partition, offset, 0.0, b"k", b"v") for offset in offsets] for tp in active
        }


def consumer(scheduler: KeyedScheduler, kafka: Kafka, session_seconds: float = 10.0) -> BatchConsumer:
    async def run(_: Any, __: Any) -> None:
        """Do nothing."""

    app = create_app(
        Stage("labels", (topics.READY,), Transform(run)),
        scheduler,
        StreamSettings(results_bucket="results", session_seconds=session_seconds),
        KafkaSettings(bootstrap_servers="localhost:1"),
    )
    made = cast(BatchConsumer, app.consumer)
    vars(made)["_thread"] = kafka
    return made
