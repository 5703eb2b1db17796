"""Log entries for the asset projection. Times are seconds after `NOW`."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from headrace.console.assets.projection import AssetProjection
from headrace.console.kafka.entry import LogEntry, open_record
from headrace.schemas.cloudevents import EventMetadata, timestamp
from headrace.schemas.ids import named_id
from headrace.schemas.messages import ProducerRecord
from headrace.schemas.records import (
    Asset,
    Charge,
    Event,
    Label,
    MediaCompleted,
    MediaDeleted,
    MediaLabelled,
    Pointer,
    StageFailure,
)
from headrace.schemas.serde.codec import to_producer_record
from headrace.streams.engine.dlq import dead_letter, retry_record
from headrace.streams.engine.outcome import Dead, Retry
from headrace.streams.handlers import Transform
from headrace.streams.stage import Stage
from tests.support import records
from tests.support.records import CODEC, NOW, arrived

NAME = "media/photos/cat.jpg"
POINTER = Pointer(bucket="results", key="a/labels@1.answer.json", size=2, sha256="0" * 64, content_type="text/plain")


def after(seconds: float) -> str:
    """Return the start time plus a number of seconds."""
    return timestamp(NOW + timedelta(seconds=seconds))


def sent(event: Event, seconds: float = 0, cause: LogEntry | None = None, stage: str = "") -> ProducerRecord:
    """Return a producer record; its id is derived from the event type, the version and the cause."""
    version = getattr(event, "asset", None)
    because = cause.envelope.id if cause and cause.envelope else ""
    return to_producer_record(
        event,
        records.envelope(
            event,
            id=named_id(event.EVENT, version.sequencer if version else "", because),
            source=f"headrace/{stage}" if stage else "aws",
            time=after(seconds),
            causation_id=because,
        ),
        CODEC,
    )


def entry(
    event: Event, seconds: float = 0, cause: LogEntry | None = None, stage: str = "", offset: int = 0
) -> LogEntry:
    """Return the log entry of an event."""
    return open_record(arrived(sent(event, seconds, cause, stage), offset, NOW.timestamp() + seconds), CODEC)


def letter(of: LogEntry, stage: str, seconds: float = 1, code: str = "unreadable", offset: int = 0) -> LogEntry:
    """Return the dead letter of a record."""
    dead = Dead(code, "no moov atom", "PermanentError")
    put = dead_letter(a_stage(stage), of.record, dead, 1, NOW + timedelta(seconds=seconds))
    return open_record(arrived(put, offset, NOW.timestamp() + seconds), CODEC)


def retry(of: LogEntry, stage: str, seconds: float = 1) -> LogEntry:
    """Return the retry record of a record."""
    put = retry_record(a_stage(stage), of.record, Retry(5.0, "timeout", "took too long"), 1, NOW)
    return open_record(arrived(put, 0, NOW.timestamp() + seconds), CODEC)


def undecodable(stage: str = "scan") -> LogEntry:
    """Return a dead letter with an undecodable value."""
    put = dead_letter(a_stage(stage), records.raw(b"junk"), Dead("decode", "neither ..."), 1, NOW)
    return open_record(arrived(put), CODEC)


def labelled(of: Asset | None = None, usd: float = 0.001) -> MediaLabelled:
    """Return a result with two labels."""
    return MediaLabelled(
        asset=of or records.asset(),
        labels=(Label(name="Cat", confidence=99.0), Label(name="Sofa", confidence=80.0)),
        label_count=2,
        model="test",
        result=POINTER,
        charges=(Charge(service="rekognition", operation="DetectLabels", units=1, unit="image", usd=usd),),
    )


def completed(of: Asset | None = None, failed: tuple[StageFailure, ...] = ()) -> MediaCompleted:
    """Return the completion of an asset."""
    return MediaCompleted(asset=of or records.asset(), succeeded=("scan", "probe"), failed=failed, usd=0.001)


def deleted(of: Asset, event_name: str = "ObjectRemoved:Delete") -> MediaDeleted:
    """Return a deletion."""
    return MediaDeleted(asset=of, event_name=event_name, deleted_at=NOW, region="us-east-1")


def projection_of(*entries: LogEntry) -> AssetProjection:
    """Return the projection of these entries."""
    projection = AssetProjection()
    for each in entries:
        projection.take(each)
    return projection


def a_stage(name: str) -> Stage:
    """Return a stage that does nothing."""

    async def nothing(_event: Any, _services: Any) -> None:
        """Do nothing."""

    return Stage(name, reads=(), handler=Transform(nothing))


def envelope_of(of: LogEntry) -> EventMetadata:
    """Return the metadata of an entry that has some."""
    assert of.envelope is not None
    return of.envelope
