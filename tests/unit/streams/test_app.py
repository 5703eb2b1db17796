"""What the door to Faust adds to it: offsets that follow our marks, through every rebalance."""

from __future__ import annotations

from typing import Any

import pytest
from faust.types import TP

from schemas import topics
from schemas.message import Received
from schemas.settings import KafkaSettings
from streams.app import SafeConsumer, create_app
from streams.lanes import Lanes, Work
from streams.settings import StreamSettings
from streams.stage import Stage


async def nothing(_: Received) -> None:
    """Do nothing."""


class Kafka:
    """A cluster's side of a consumer: committed offsets, the beginning of each log, and where it is told to read."""

    def __init__(self, committed: dict[TP, int | None], begin: int = 0) -> None:
        self.committed = committed
        self.begin = begin
        self.sought: dict[TP, int] = {}

    def assignment(self) -> set[TP]:
        return set(self.committed)

    async def seek_to_committed(self) -> dict[TP, int | None]:
        return self.committed

    async def earliest_offsets(self, *partitions: TP) -> dict[TP, int]:
        return dict.fromkeys(partitions, self.begin)

    def seek(self, partition: TP, offset: int) -> None:
        self.sought[partition] = offset


@pytest.fixture
def lanes() -> Lanes:
    return Lanes(Work(nothing, nothing, lambda _: 0.0), 1, 1 << 20, 60.0)


def consumer(lanes: Lanes, kafka: Kafka) -> SafeConsumer:
    async def run(_: Any, __: Any) -> None:
        """Do nothing."""

    app = create_app(
        Stage("labels", (topics.READY,), run=run),
        lanes,
        StreamSettings(results_bucket="results"),
        KafkaSettings(bootstrap_servers="localhost:1"),
    )
    made: SafeConsumer = app.consumer
    vars(made)["_thread"] = kafka
    return made


async def test_a_partition_begins_at_its_committed_offset(lanes: Lanes) -> None:
    tp = TP("media.ready", 0)
    await consumer(lanes, Kafka({tp: 7})).perform_seek()
    assert lanes.committable(tp) == 7


@pytest.mark.parametrize("committed", [None, 0])
async def test_a_partition_without_a_committed_offset_is_read_from_its_beginning(
    lanes: Lanes, committed: int | None
) -> None:
    tp = TP("labels.retry", 2)
    kafka = Kafka({tp: committed}, begin=3)
    await consumer(lanes, kafka).perform_seek()
    assert kafka.sought == {tp: 3}
    assert lanes.committable(tp) == 3
