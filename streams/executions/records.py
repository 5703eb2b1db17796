"""Encode what the engine writes as records of events."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime

from headrace.schemas import topics
from headrace.schemas.cloudevents import PREFIX, EventMetadata, from_headers, timestamp
from headrace.schemas.messages import ConsumerRecord, ProducerRecord
from headrace.schemas.records import Event, StimulusReceived
from headrace.schemas.serde.codec import Codec, to_producer_record
from headrace.streams.executions.inbox import InboxMessage, kind_of_message
from headrace.streams.executions.json_codec import encode_json
from headrace.streams.executions.payload_store import PayloadStore

SOURCE = "headrace/machines"

UtcClock = Callable[[], datetime]
SendRecords = Callable[[Sequence[ProducerRecord]], Awaitable[None]]
"""Sends records and returns once all are durable."""


def utc_now() -> datetime:
    """Return the time in UTC."""
    return datetime.now(UTC)


class RecordWriter:
    """Builds records of events about executions. Ids are derived from the cause, so that repeats are recognised."""

    def __init__(self, codec: Codec, payloads: PayloadStore | None, clock: UtcClock = utc_now) -> None:
        self._codec = codec
        self._payloads = payloads
        self.clock = clock

    def record(self, event: Event, id_: str, cause: EventMetadata | None) -> ProducerRecord:
        """Return the record of an event with an id and the event that caused it."""
        envelope = EventMetadata(
            id=id_,
            source=SOURCE,
            type=PREFIX + event.EVENT,
            time=timestamp(self.clock()),
            subject=topics.subject_of(event),
            correlation_id=cause.correlation if cause else "",
            causation_id=cause.id if cause else "",
            traceparent=cause.traceparent if cause else "",
        )
        return to_producer_record(event, envelope, self._codec)

    def decode(self, record: ConsumerRecord) -> tuple[Event, EventMetadata]:
        """Return the event of a record and its attributes.

        Raises:
            DecodeError: The value is not an event.
            InvalidEventError: A header is missing.
        """
        return self._codec.decode(record.value), from_headers(record.headers)

    async def body(self, content: bytes) -> str:
        """Return the body of a record; large content is stored elsewhere."""
        return content.decode() if self._payloads is None else await self._payloads.fit(content)

    async def inbox(
        self, execution: str, message: InboxMessage, id_: str, cause: EventMetadata | None
    ) -> ProducerRecord:
        """Return the record of a message for an execution."""
        body = await self.body(encode_json(message))
        return self.record(StimulusReceived(execution=execution, kind=kind_of_message(message), body=body), id_, cause)
