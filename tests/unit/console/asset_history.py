"""Histories to tell the read model: each function gives an entry as the log has it. Moments are seconds after `NOW`."""

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
    JobStarted,
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
from headrace.streams.stage import Stage, Transform
from tests.support import records
from tests.support.records import CODEC, NOW, arrived

NAME = "media/photos/cat.jpg"
POINTER = Pointer(bucket="results", key="a/labels@1.answer.json", size=2, sha256="0" * 64, content_type="text/plain")


def after(seconds: float) -> str:
    """Return the start time plus a number of seconds."""
    return timestamp(NOW + timedelta(seconds=seconds))


def sent(event: Event, seconds: float = 0, cause: LogEntry | None = None, stage: str = "") -> ProducerRecord:
    """An event on its way, with an id that follows from what it is, its version and its cause."""
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
    """An event as the log has it."""
    return open_record(arrived(sent(event, seconds, cause, stage), offset, NOW.timestamp() + seconds), CODEC)


def letter(of: LogEntry, stage: str, seconds: float = 1, code: str = "unreadable", offset: int = 0) -> LogEntry:
    """What is in a stage's dead-letter topic when it gave a record up."""
    dead = Dead(code, "no moov atom", "PermanentError")
    put = dead_letter(a_stage(stage), of.record, dead, 1, NOW + timedelta(seconds=seconds))
    return open_record(arrived(put, offset, NOW.timestamp() + seconds), CODEC)


def retry(of: LogEntry, stage: str, seconds: float = 1) -> LogEntry:
    """What is in a stage's retry topic when a record is to be tried again."""
    put = retry_record(a_stage(stage), of.record, Retry(5.0, "timeout", "took too long"), 1, NOW)
    return open_record(arrived(put, 0, NOW.timestamp() + seconds), CODEC)


def undecodable(stage: str = "scan") -> LogEntry:
    """A dead letter whose value is no event."""
    put = dead_letter(a_stage(stage), records.raw(b"junk"), Dead("decode", "neither ..."), 1, NOW)
    return open_record(arrived(put), CODEC)


def labelled(of: Asset | None = None, usd: float = 0.001) -> MediaLabelled:
    """A cat and a sofa."""
    return MediaLabelled(
        asset=of or records.asset(),
        labels=(Label(name="Cat", confidence=99.0), Label(name="Sofa", confidence=80.0)),
        label_count=2,
        model="test",
        result=POINTER,
        charges=(Charge(service="rekognition", operation="DetectLabels", units=1, unit="image", usd=usd),),
    )


def completed(of: Asset | None = None, failed: tuple[StageFailure, ...] = ()) -> MediaCompleted:
    """The end of it all."""
    return MediaCompleted(asset=of or records.asset(), succeeded=("scan", "probe"), failed=failed, usd=0.001)


def job_started(token: str = "labels-1", of: Asset | None = None) -> JobStarted:
    """A job of the stage `labels`."""
    return JobStarted(
        asset=of or records.asset(),
        stage="labels",
        token=token,
        partition=0,
        service="rekognition",
        operation="StartLabelDetection",
        job_id="j1",
        started_at=NOW,
        deadline_at=NOW + timedelta(hours=6),
    )


def deleted(of: Asset, event_name: str = "ObjectRemoved:Delete") -> MediaDeleted:
    """A removal."""
    return MediaDeleted(asset=of, event_name=event_name, deleted_at=NOW, region="us-east-1")


def told(*entries: LogEntry) -> AssetProjection:
    """The read model after these records."""
    progress = AssetProjection()
    for each in entries:
        progress.take(each)
    return progress


def a_stage(name: str) -> Stage:
    """A stage of that name, which does nothing."""

    async def nothing(_event: Any, _services: Any) -> None:
        """Do nothing."""

    return Stage(name, reads=(), handler=Transform(nothing))


def envelope_of(of: LogEntry) -> EventMetadata:
    """The envelope, which is there."""
    assert of.envelope is not None
    return of.envelope
