"""Valid test records. Builders take only the fields that differ from the default."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from headrace.schemas import ids, topics
from headrace.schemas.cloudevents import PREFIX, EventMetadata, Headers
from headrace.schemas.messages import ConsumerRecord, ProducerRecord
from headrace.schemas.records import (
    Asset,
    Event,
    JobFinished,
    JobStarted,
    MediaProbed,
    MediaReady,
    MediaScanned,
    MediaUploaded,
)
from headrace.schemas.serde import codec
from headrace.schemas.serde.codec import to_producer_record

NOW = datetime(2026, 3, 14, 15, 9, 26, tzinfo=UTC)
CODEC = codec.load()


def asset(key: str = "photos/cat.jpg", **changes: Any) -> Asset:
    """Return an object version."""
    given = {"bucket": "media", "version": "e1", "etag": "e1", "size": 10, "sequencer": "0A"}
    return Asset(key=key, **{**given, **changes})


def uploaded(of: Asset | None = None) -> MediaUploaded:
    """Return an upload."""
    return MediaUploaded(
        asset=of or asset(),
        event_name="ObjectCreated:Put",
        uploaded_at=NOW,
        region="us-east-1",
        origin="notification",
    )


def scanned(of: Asset | None = None) -> MediaScanned:
    """Return a scan without findings."""
    return MediaScanned(asset=of or asset(), engine="test", content_type="image/jpeg", sha256="0" * 64)


def probed(of: Asset | None = None, **changes: Any) -> MediaProbed:
    """Return the metadata of an image."""
    return MediaProbed(asset=of or asset(), **{"kind": "image", "format": "jpeg", **changes})


def ready(of: Asset | None = None, **changes: Any) -> MediaReady:
    """Return an image that is ready for AI services."""
    given = {"content_type": "image/jpeg", "sha256": "0" * 64, "kind": "image", "format": "jpeg"}
    return MediaReady(asset=of or asset(), **{**given, **changes})


def job_started(token: str = "labels-1", of: Asset | None = None, **changes: Any) -> JobStarted:
    """Return a job start of the stage `labels`."""
    given = {"stage": "labels", "service": "rekognition", "operation": "StartLabelDetection", "job_id": "j1"}
    times = {"started_at": NOW, "deadline_at": NOW + timedelta(hours=6)}
    return JobStarted(asset=of or asset(), token=token, partition=0, **{**given, **times, **changes})


def job_finished(token: str, **changes: Any) -> JobFinished:
    """Return the completion of a successful job."""
    given = {"service": "rekognition", "operation": "StartLabelDetection", "job_id": "j1", "status": "succeeded"}
    return JobFinished(token=token, finished_at=NOW, **{**given, **changes})


def envelope(event: Event, **changes: Any) -> EventMetadata:
    """Return the metadata of an event; its id is derived from the subject."""
    given = {"id": ids.named_id(event.EVENT, topics.subject_of(event)), "source": "test", "time": "2026-03-14"}
    return EventMetadata(type=PREFIX + event.EVENT, subject=topics.subject_of(event), **{**given, **changes})


def received(event: Event, offset: int = 0, **changes: Any) -> ConsumerRecord:
    """Return the consumer record of an event."""
    return arrived(to_producer_record(event, envelope(event, **changes), CODEC), offset)


def arrived(sent: ProducerRecord, offset: int = 0, timestamp: float = 1.0) -> ConsumerRecord:
    """Return the consumer record of a producer record."""
    return ConsumerRecord(sent.topic, 0, offset, timestamp, sent.key, sent.value, sent.headers)


def raw(value: bytes | None, headers: Headers = (), topic: str = "media.uploaded", offset: int = 0) -> ConsumerRecord:
    """Return a consumer record with a raw value."""
    return ConsumerRecord(topic, 0, offset, 1.0, b"media/photos/cat.jpg", value, headers)
