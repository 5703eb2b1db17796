"""The events as frozen records. Written by `python -m schemas.generate` from `schemas/avro`: do not edit."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar, Literal

from msgspec import Struct


class AwsEvent(Struct, frozen=True, kw_only=True, gc=False):
    """An AWS or custom event without a topic of its own, as it came."""

    EVENT: ClassVar[str] = "AwsEvent"

    source: str
    detail_type: str
    event_id: str | None = None
    occurred_at: datetime
    body: str


JobStatus = Literal["succeeded", "failed"]
"""How a job ended."""


class JobFinished(Struct, frozen=True, kw_only=True, gc=False):
    """An AWS service says that a job has ended."""

    EVENT: ClassVar[str] = "JobFinished"

    token: str
    service: str
    operation: str
    job_id: str
    status: JobStatus
    message: str | None = None
    finished_at: datetime


class Asset(Struct, frozen=True, kw_only=True, gc=False):
    """One version of one object in S3."""

    bucket: str
    key: str
    version: str
    version_id: str | None = None
    etag: str
    size: int
    sequencer: str


class JobStarted(Struct, frozen=True, kw_only=True, gc=False):
    """A job that ends later was accepted by an AWS service."""

    EVENT: ClassVar[str] = "JobStarted"

    asset: Asset
    stage: str
    token: str
    partition: int
    service: str
    operation: str
    job_id: str
    started_at: datetime
    deadline_at: datetime


class StageFailure(Struct, frozen=True, kw_only=True, gc=False):
    """Why a stage has no result."""

    stage: str
    code: str
    reason: str


class MediaCompleted(Struct, frozen=True, kw_only=True, gc=False):
    """Every stage that was expected for an object has ended."""

    EVENT: ClassVar[str] = "MediaCompleted"

    asset: Asset
    succeeded: tuple[str, ...]
    failed: tuple[StageFailure, ...]
    usd: float


class MediaDeleted(Struct, frozen=True, kw_only=True, gc=False):
    """An object, or one version of it, was removed from S3."""

    EVENT: ClassVar[str] = "MediaDeleted"

    asset: Asset
    event_name: str
    deleted_at: datetime
    region: str


class Label(Struct, frozen=True, kw_only=True, gc=False):
    """One thing that was recognised."""

    name: str
    confidence: float
    parent: str | None = None


class Pointer(Struct, frozen=True, kw_only=True, gc=False):
    """Where a result too big for an event lies (claim check)."""

    bucket: str
    key: str
    size: int
    sha256: str
    content_type: str


class Charge(Struct, frozen=True, kw_only=True, gc=False):
    """What one paid call cost."""

    service: str
    operation: str
    units: float
    unit: str
    usd: float


class MediaLabelled(Struct, frozen=True, kw_only=True, gc=False):
    """What is visible in an image or video was named."""

    EVENT: ClassVar[str] = "MediaLabelled"

    asset: Asset
    labels: tuple[Label, ...]
    label_count: int
    model: str
    result: Pointer
    charges: tuple[Charge, ...]


class MediaModerated(Struct, frozen=True, kw_only=True, gc=False):
    """An image or video was checked for unsafe content."""

    EVENT: ClassVar[str] = "MediaModerated"

    asset: Asset
    flags: tuple[Label, ...]
    flag_count: int
    model: str
    result: Pointer
    charges: tuple[Charge, ...]


Kind = Literal["image", "video", "audio", "other"]
"""What a file is to the pipeline."""


class MediaProbed(Struct, frozen=True, kw_only=True, gc=False):
    """The technical metadata of an object was read."""

    EVENT: ClassVar[str] = "MediaProbed"

    asset: Asset
    kind: Kind
    format: str
    duration_seconds: float | None = None
    width: int | None = None
    height: int | None = None
    video_codec: str | None = None
    audio_codec: str | None = None
    frame_rate: float | None = None
    bit_rate: int | None = None


class MediaReady(Struct, frozen=True, kw_only=True, gc=False):
    """An object is clean and readable, so worth paying for."""

    EVENT: ClassVar[str] = "MediaReady"

    asset: Asset
    content_type: str
    sha256: str
    kind: Kind
    format: str
    duration_seconds: float | None = None
    width: int | None = None
    height: int | None = None
    video_codec: str | None = None
    audio_codec: str | None = None
    frame_rate: float | None = None
    bit_rate: int | None = None


class MediaScanned(Struct, frozen=True, kw_only=True, gc=False):
    """The content of an object was checked and found harmless."""

    EVENT: ClassVar[str] = "MediaScanned"

    asset: Asset
    engine: str
    content_type: str
    sha256: str


class Picture(Struct, frozen=True, kw_only=True, gc=False):
    """One preview picture."""

    location: Pointer
    width: int
    height: int
    at_seconds: float | None = None


class MediaThumbnailed(Struct, frozen=True, kw_only=True, gc=False):
    """Previews of an object were stored."""

    EVENT: ClassVar[str] = "MediaThumbnailed"

    asset: Asset
    pictures: tuple[Picture, ...]


class MediaTranscribed(Struct, frozen=True, kw_only=True, gc=False):
    """Speech was turned into text."""

    EVENT: ClassVar[str] = "MediaTranscribed"

    asset: Asset
    language: str
    excerpt: str
    words: int
    result: Pointer
    subtitles: Pointer | None = None
    charges: tuple[Charge, ...]


Origin = Literal["notification", "backfill"]
"""How the pipeline learnt of an object."""


class MediaUploaded(Struct, frozen=True, kw_only=True, gc=False):
    """An object was created in S3."""

    EVENT: ClassVar[str] = "MediaUploaded"

    asset: Asset
    event_name: str
    uploaded_at: datetime
    region: str
    origin: Origin


Event = (
    AwsEvent
    | JobFinished
    | JobStarted
    | MediaCompleted
    | MediaDeleted
    | MediaLabelled
    | MediaModerated
    | MediaProbed
    | MediaReady
    | MediaScanned
    | MediaThumbnailed
    | MediaTranscribed
    | MediaUploaded
)


EVENTS: dict[str, type[Event]] = {
    "AwsEvent": AwsEvent,
    "JobFinished": JobFinished,
    "JobStarted": JobStarted,
    "MediaCompleted": MediaCompleted,
    "MediaDeleted": MediaDeleted,
    "MediaLabelled": MediaLabelled,
    "MediaModerated": MediaModerated,
    "MediaProbed": MediaProbed,
    "MediaReady": MediaReady,
    "MediaScanned": MediaScanned,
    "MediaThumbnailed": MediaThumbnailed,
    "MediaTranscribed": MediaTranscribed,
    "MediaUploaded": MediaUploaded,
}
