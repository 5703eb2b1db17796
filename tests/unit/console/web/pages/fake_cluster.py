"""A cluster with a few records in memory, as far as pages read it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from headrace.console.kafka.offsets import OffsetRange, TopicAndPartition
from headrace.schemas.messages import ConsumerRecord, ProducerRecord
from headrace.schemas.serde.codec import Codec
from tests.support.records import CODEC


class FakeCluster:
    """Reads records by their positions. `written` has what was written."""

    def __init__(self, records: Sequence[ConsumerRecord] = ()) -> None:
        self.records = list(records)
        self.written: list[ProducerRecord] = []

    def spans(self, names: Collection[str], since: float | None = None) -> dict[TopicAndPartition, OffsetRange]:
        ends: dict[TopicAndPartition, int] = {}
        for each in self.records:
            if each.topic in names:
                place = each.topic, each.partition
                ends[place] = max(ends.get(place, 0), each.offset + 1)
        return {place: OffsetRange(0, end) for place, end in ends.items()}

    def read(
        self, spans: Mapping[TopicAndPartition, OffsetRange], values: bool = False
    ) -> Iterator[list[ConsumerRecord]]:
        for place, span in spans.items():
            own = [each for each in self.records if (each.topic, each.partition) == place]
            yield [each for each in own if span.low <= each.offset < span.high]

    def record(self, topic: str, partition: int, offset: int) -> ConsumerRecord | None:
        wanted = topic, partition, offset
        return next((each for each in self.records if (each.topic, each.partition, each.offset) == wanted), None)

    def codec(self) -> Codec:
        return CODEC

    def write(self, messages: Iterable[ProducerRecord]) -> int:
        self.written += messages
        return len(self.written)
