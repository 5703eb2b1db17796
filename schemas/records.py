"""The events as frozen records, from `schemas/avro`. Do not edit.

Written by `python -m headrace.schemas.evolution.codegen`.
"""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar, Literal

from msgspec import Struct


class ActivityScheduled(Struct, frozen=True, kw_only=True, gc=False):
    """A task waits for a worker of an activity."""

    EVENT: ClassVar[str] = "ActivityScheduled"

    activity: str
    execution: str
    task: str
    token: str
    input: str


class AwsEvent(Struct, frozen=True, kw_only=True, gc=False):
    """An AWS or custom event without a topic of its own, as it came."""

    EVENT: ClassVar[str] = "AwsEvent"

    source: str
    detail_type: str
    event_id: str | None = None
    occurred_at: datetime
    body: str


class Asset(Struct, frozen=True, kw_only=True, gc=False):
    """One version of one object in S3."""

    bucket: str
    key: str
    version: str
    version_id: str | None = None
    etag: str
    size: int
    sequencer: str


class Celebrity(Struct, frozen=True, kw_only=True, gc=False):
    """One known person who was recognised."""

    name: str
    confidence: float
    at_seconds: float | None = None


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


class CelebritiesRecognised(Struct, frozen=True, kw_only=True, gc=False):
    """Known people were looked for in an image or video."""

    EVENT: ClassVar[str] = "CelebritiesRecognised"

    asset: Asset
    celebrities: tuple[Celebrity, ...]
    count: int
    result: Pointer
    charges: tuple[Charge, ...]


class CustomLabel(Struct, frozen=True, kw_only=True, gc=False):
    """What a model of the user's own recognised."""

    name: str
    confidence: float
    at_seconds: tuple[float, ...]


class CustomLabelsDetected(Struct, frozen=True, kw_only=True, gc=False):
    """A model of the user's own labelled a picture or a video."""

    EVENT: ClassVar[str] = "CustomLabelsDetected"

    asset: Asset
    labels: tuple[CustomLabel, ...]
    count: int
    model: str
    result: Pointer
    charges: tuple[Charge, ...]


class DocumentAnalysed(Struct, frozen=True, kw_only=True, gc=False):
    """The text of a document was read."""

    EVENT: ClassVar[str] = "DocumentAnalysed"

    asset: Asset
    pages: int
    words: int
    excerpt: str
    text: Pointer
    result: Pointer
    charges: tuple[Charge, ...]
    field_count: int | None = None
    table_count: int | None = None
    form: Pointer | None = None
    missing_pages: tuple[int, ...] = ()


class Entity(Struct, frozen=True, kw_only=True, gc=False):
    """A name in a text."""

    text: str
    kind: str
    score: float
    begin: int
    end: int


class EntitiesDetected(Struct, frozen=True, kw_only=True, gc=False):
    """Names of people, places and things were looked for in a text."""

    EVENT: ClassVar[str] = "EntitiesDetected"

    asset: Asset
    entities: tuple[Entity, ...]
    count: int
    result: Pointer
    charges: tuple[Charge, ...]


class HistoryEntry(Struct, frozen=True, kw_only=True, gc=False):
    """One event of the history of an execution."""

    id: int
    previous: int
    at: datetime
    type: str
    details: str
    pointer: Pointer | None = None


class ExecutionAdvanced(Struct, frozen=True, kw_only=True, gc=False):
    """An execution of a state machine made a transition."""

    EVENT: ClassVar[str] = "ExecutionAdvanced"

    execution: str
    name: str
    machine: str
    revision: str
    version: int | None = None
    alias: str | None = None
    parent: str | None = None
    map_run: str | None = None
    sequence: int
    part: int
    status: str
    error: str | None = None
    cause: str | None = None
    started_at: datetime
    redrives: int
    events: tuple[HistoryEntry, ...]


class Face(Struct, frozen=True, kw_only=True, gc=False):
    """One face that was seen."""

    confidence: float
    age_low: int | None = None
    age_high: int | None = None
    emotion: str | None = None
    at_seconds: float | None = None


class FacesDetected(Struct, frozen=True, kw_only=True, gc=False):
    """Faces were looked for in an image or video."""

    EVENT: ClassVar[str] = "FacesDetected"

    asset: Asset
    faces: tuple[Face, ...]
    count: int
    result: Pointer
    charges: tuple[Charge, ...]


class InsightPart(Struct, frozen=True, kw_only=True, gc=False):
    """A chapter of a video, a topic of sound or a page of a document."""

    number: int
    text: str
    start_seconds: float | None = None
    end_seconds: float | None = None


class Label(Struct, frozen=True, kw_only=True, gc=False):
    """One thing that was recognised."""

    name: str
    confidence: float
    parent: str | None = None


class InsightsExtracted(Struct, frozen=True, kw_only=True, gc=False):
    """A service read a whole file: its summary, its parts, its texts and unsafe content."""

    EVENT: ClassVar[str] = "InsightsExtracted"

    asset: Asset
    modality: str
    summary: str
    parts: tuple[InsightPart, ...]
    part_count: int
    words: int
    excerpt: str
    unsafe: tuple[Label, ...]
    unsafe_count: int
    result: Pointer
    answer: Pointer
    charges: tuple[Charge, ...]


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
    code: str | None = None
    finished_at: datetime


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
    usd: float | None = None
    started_at: datetime
    deadline_at: datetime


class Phrase(Struct, frozen=True, kw_only=True, gc=False):
    """A phrase that carries meaning."""

    text: str
    score: float
    begin: int
    end: int


class KeyPhrasesDetected(Struct, frozen=True, kw_only=True, gc=False):
    """The phrases that carry a text's meaning were looked for."""

    EVENT: ClassVar[str] = "KeyPhrasesDetected"

    asset: Asset
    phrases: tuple[Phrase, ...]
    count: int
    result: Pointer
    charges: tuple[Charge, ...]


class LanguageShare(Struct, frozen=True, kw_only=True, gc=False):
    """One language of a text."""

    language: str
    score: float


class LanguageDetected(Struct, frozen=True, kw_only=True, gc=False):
    """The language of a text was told."""

    EVENT: ClassVar[str] = "LanguageDetected"

    asset: Asset
    language: str
    languages: tuple[LanguageShare, ...]
    result: Pointer
    charges: tuple[Charge, ...]


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


class Chapter(Struct, frozen=True, kw_only=True, gc=False):
    """A part of a video."""

    title: str
    start_seconds: float
    end_seconds: float


class MediaDescribed(Struct, frozen=True, kw_only=True, gc=False):
    """A picture or a video was described by a model."""

    EVENT: ClassVar[str] = "MediaDescribed"

    asset: Asset
    title: str
    description: str
    chapters: tuple[Chapter, ...]
    tags: tuple[str, ...]
    model: str
    attempts: int
    input_tokens: int
    output_tokens: int
    result: Pointer
    charges: tuple[Charge, ...]


class MediaEmbedded(Struct, frozen=True, kw_only=True, gc=False):
    """The passages of a text were embedded as vectors."""

    EVENT: ClassVar[str] = "MediaEmbedded"

    asset: Asset
    model: str
    dimensions: int
    passages: int
    tokens: int
    result: Pointer
    charges: tuple[Charge, ...]


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
    tags: dict[str, str] | None = None


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
    tags: dict[str, str] | None = None


class MediaRedacted(Struct, frozen=True, kw_only=True, gc=False):
    """A file for sharing was made: faces are blurred, and spoken personal data is silent."""

    EVENT: ClassVar[str] = "MediaRedacted"

    asset: Asset
    result: Pointer
    faces: int
    regions: int
    silences: int
    silent_seconds: float
    transcript: Pointer | None = None
    subtitles: Pointer | None = None


class MediaScanned(Struct, frozen=True, kw_only=True, gc=False):
    """The content of an object was checked and found harmless."""

    EVENT: ClassVar[str] = "MediaScanned"

    asset: Asset
    engine: str
    content_type: str
    sha256: str


class Segment(Struct, frozen=True, kw_only=True, gc=False):
    """One stretch of a video."""

    kind: str
    start_seconds: float
    end_seconds: float
    confidence: float


class MediaSegmented(Struct, frozen=True, kw_only=True, gc=False):
    """A video was cut into shots and technical cues."""

    EVENT: ClassVar[str] = "MediaSegmented"

    asset: Asset
    segments: tuple[Segment, ...]
    count: int
    result: Pointer
    charges: tuple[Charge, ...]


class MediaSummarised(Struct, frozen=True, kw_only=True, gc=False):
    """A text was summed up."""

    EVENT: ClassVar[str] = "MediaSummarised"

    asset: Asset
    summary: str
    model: str
    parts: int
    input_tokens: int
    output_tokens: int
    result: Pointer
    charges: tuple[Charge, ...]


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


class Rendition(Struct, frozen=True, kw_only=True, gc=False):
    """One file that was made of an object."""

    role: str
    bucket: str
    key: str
    duration_seconds: float | None = None
    width: int | None = None
    height: int | None = None


class MediaTranscoded(Struct, frozen=True, kw_only=True, gc=False):
    """Files for viewing and listening were made of a video or a sound."""

    EVENT: ClassVar[str] = "MediaTranscoded"

    asset: Asset
    files: tuple[Rendition, ...]
    charges: tuple[Charge, ...]
    duration_seconds: float | None = None
    proxy_for: tuple[str, ...] = ()


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
    no_speech: bool = False


class MediaTranslated(Struct, frozen=True, kw_only=True, gc=False):
    """A text was translated."""

    EVENT: ClassVar[str] = "MediaTranslated"

    asset: Asset
    source: str
    target: str
    words: int
    excerpt: str
    text: Pointer
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


class MediaVoiced(Struct, frozen=True, kw_only=True, gc=False):
    """A text was read out."""

    EVENT: ClassVar[str] = "MediaVoiced"

    asset: Asset
    voice: str
    language: str
    characters: int
    bucket: str
    key: str
    charges: tuple[Charge, ...]


class MatchedFace(Struct, frozen=True, kw_only=True, gc=False):
    """A face of the collection that is similar to a seen one."""

    face_id: str
    similarity: float


class SeenFace(Struct, frozen=True, kw_only=True, gc=False):
    """One face of an image, or one appearance of a known person in a video."""

    face_id: str | None = None
    matches: tuple[MatchedFace, ...]
    confidence: float | None = None
    at_seconds: float | None = None
    until_seconds: float | None = None
    left: float
    top: float
    width: float
    height: float


class PeopleRecognised(Struct, frozen=True, kw_only=True, gc=False):
    """Faces of an image or video were searched in a collection."""

    EVENT: ClassVar[str] = "PeopleRecognised"

    asset: Asset
    collection: str
    faces: tuple[SeenFace, ...]
    count: int
    known: int
    result: Pointer
    charges: tuple[Charge, ...]


class PiiSpan(Struct, frozen=True, kw_only=True, gc=False):
    """Where something personal stands. The text itself is left out on purpose."""

    kind: str
    score: float
    begin: int
    end: int


class PiiDetected(Struct, frozen=True, kw_only=True, gc=False):
    """Personal data was looked for in a text."""

    EVENT: ClassVar[str] = "PiiDetected"

    asset: Asset
    kinds: tuple[str, ...]
    count: int
    spans: tuple[PiiSpan, ...]
    result: Pointer
    charges: tuple[Charge, ...]


class QualityFailure(Struct, frozen=True, kw_only=True, gc=False):
    """A limit of the profile that a file does not meet."""

    check: str
    measured: float
    lowest: float | None = None
    highest: float | None = None
    unit: str


class QualitySpan(Struct, frozen=True, kw_only=True, gc=False):
    """A black, frozen, silent, interlaced or letterboxed part of a file."""

    kind: str
    start_seconds: float
    end_seconds: float


class QualityMeasured(Struct, frozen=True, kw_only=True, gc=False):
    """The technical quality of audio or video was measured."""

    EVENT: ClassVar[str] = "QualityMeasured"

    asset: Asset
    passed: bool
    failures: tuple[QualityFailure, ...]
    loudness_lufs: float | None = None
    loudness_range_lu: float | None = None
    true_peak_dbtp: float | None = None
    clipped_samples: int | None = None
    spans: tuple[QualitySpan, ...]
    count: int
    seconds: dict[str, float]
    result: Pointer


class SentimentDetected(Struct, frozen=True, kw_only=True, gc=False):
    """The mood of a text was judged."""

    EVENT: ClassVar[str] = "SentimentDetected"

    asset: Asset
    sentiment: str
    positive: float
    negative: float
    neutral: float
    mixed: float
    result: Pointer
    charges: tuple[Charge, ...]


class StimulusReceived(Struct, frozen=True, kw_only=True, gc=False):
    """Something happened to an execution of a state machine."""

    EVENT: ClassVar[str] = "StimulusReceived"

    execution: str
    kind: str
    body: str


class TaskScheduled(Struct, frozen=True, kw_only=True, gc=False):
    """An execution of a state machine scheduled a task."""

    EVENT: ClassVar[str] = "TaskScheduled"

    execution: str
    task: str
    state: str
    kind: str
    body: str


class TextLine(Struct, frozen=True, kw_only=True, gc=False):
    """One line of text that is visible."""

    text: str
    confidence: float
    at_seconds: float | None = None


class TextDetected(Struct, frozen=True, kw_only=True, gc=False):
    """Visible text was looked for in an image or video."""

    EVENT: ClassVar[str] = "TextDetected"

    asset: Asset
    lines: tuple[TextLine, ...]
    count: int
    result: Pointer
    charges: tuple[Charge, ...]


class TranscriptRedacted(Struct, frozen=True, kw_only=True, gc=False):
    """Speech was turned into text without personal data."""

    EVENT: ClassVar[str] = "TranscriptRedacted"

    asset: Asset
    language: str
    excerpt: str
    words: int
    redactions: int
    result: Pointer
    subtitles: Pointer | None = None
    charges: tuple[Charge, ...]
    no_speech: bool = False


Event = (
    ActivityScheduled
    | AwsEvent
    | CelebritiesRecognised
    | CustomLabelsDetected
    | DocumentAnalysed
    | EntitiesDetected
    | ExecutionAdvanced
    | FacesDetected
    | InsightsExtracted
    | JobFinished
    | JobStarted
    | KeyPhrasesDetected
    | LanguageDetected
    | MediaCompleted
    | MediaDeleted
    | MediaDescribed
    | MediaEmbedded
    | MediaLabelled
    | MediaModerated
    | MediaProbed
    | MediaReady
    | MediaRedacted
    | MediaScanned
    | MediaSegmented
    | MediaSummarised
    | MediaThumbnailed
    | MediaTranscoded
    | MediaTranscribed
    | MediaTranslated
    | MediaUploaded
    | MediaVoiced
    | PeopleRecognised
    | PiiDetected
    | QualityMeasured
    | SentimentDetected
    | StimulusReceived
    | TaskScheduled
    | TextDetected
    | TranscriptRedacted
)


EVENTS: dict[str, type[Event]] = {
    "ActivityScheduled": ActivityScheduled,
    "AwsEvent": AwsEvent,
    "CelebritiesRecognised": CelebritiesRecognised,
    "CustomLabelsDetected": CustomLabelsDetected,
    "DocumentAnalysed": DocumentAnalysed,
    "EntitiesDetected": EntitiesDetected,
    "ExecutionAdvanced": ExecutionAdvanced,
    "FacesDetected": FacesDetected,
    "InsightsExtracted": InsightsExtracted,
    "JobFinished": JobFinished,
    "JobStarted": JobStarted,
    "KeyPhrasesDetected": KeyPhrasesDetected,
    "LanguageDetected": LanguageDetected,
    "MediaCompleted": MediaCompleted,
    "MediaDeleted": MediaDeleted,
    "MediaDescribed": MediaDescribed,
    "MediaEmbedded": MediaEmbedded,
    "MediaLabelled": MediaLabelled,
    "MediaModerated": MediaModerated,
    "MediaProbed": MediaProbed,
    "MediaReady": MediaReady,
    "MediaRedacted": MediaRedacted,
    "MediaScanned": MediaScanned,
    "MediaSegmented": MediaSegmented,
    "MediaSummarised": MediaSummarised,
    "MediaThumbnailed": MediaThumbnailed,
    "MediaTranscoded": MediaTranscoded,
    "MediaTranscribed": MediaTranscribed,
    "MediaTranslated": MediaTranslated,
    "MediaUploaded": MediaUploaded,
    "MediaVoiced": MediaVoiced,
    "PeopleRecognised": PeopleRecognised,
    "PiiDetected": PiiDetected,
    "QualityMeasured": QualityMeasured,
    "SentimentDetected": SentimentDetected,
    "StimulusReceived": StimulusReceived,
    "TaskScheduled": TaskScheduled,
    "TextDetected": TextDetected,
    "TranscriptRedacted": TranscriptRedacted,
}
