"""The topic table: what lies where. Docs, command line and clusters are made from it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from headrace.schemas import records
from headrace.schemas.ids import asset_key
from headrace.schemas.records import Event

DAY_MS = 86_400_000
PARTITIONS = 4
LARGEST = 2 * 2**20
"""Bytes of a record that came as it was, with our headers: AWS sends up to 1 MiB, and Kafka takes 1 MiB by default."""


@dataclass(frozen=True, slots=True)
class Topic:
    """One Kafka topic: what it holds, and how long."""

    name: str
    description: str
    events: tuple[type[Event], ...] = ()
    partitions: int = PARTITIONS
    retention_days: int = 30
    compacted: bool = False
    max_bytes: int | None = None
    stage: str = ""
    """The stage without which nobody needs the topic; empty for what every pipeline has."""

    @property
    def config(self) -> dict[str, str]:
        """The topic's settings as Kafka takes them."""
        size = {"max.message.bytes": str(self.max_bytes)} if self.max_bytes else {}
        if self.compacted:
            return {"cleanup.policy": "compact", **size}
        return {"cleanup.policy": "delete", "retention.ms": str(self.retention_days * DAY_MS), **size}


UPLOADED = Topic("media.uploaded", "objects created in S3", (records.MediaUploaded,))
DELETED = Topic("media.deleted", "objects removed from S3", (records.MediaDeleted,))
AWS_EVENTS = Topic("aws.events", "every other AWS or custom event, as it came", (records.AwsEvent,))
JOBS_STARTED = Topic("jobs.started", "asynchronous AWS jobs that were accepted; key = job token", (records.JobStarted,))
JOBS_FINISHED = Topic("jobs.finished", "asynchronous AWS jobs that have ended; key = job token", (records.JobFinished,))
THUMBNAILED = Topic("media.thumbnailed", "previews", (records.MediaThumbnailed,))
SCANNED = Topic("media.scanned", "objects whose content was checked and found harmless", (records.MediaScanned,))
PROBED = Topic("media.probed", "technical metadata", (records.MediaProbed,))
READY = Topic("media.ready", "fan-in: scanned and probed, so worth paying for", (records.MediaReady,))
LABELLED = Topic("media.labelled", "what is visible in images and videos", (records.MediaLabelled,))
MODERATED = Topic("media.moderated", "unsafe content in images and videos", (records.MediaModerated,))
TRANSCRIBED = Topic("media.transcribed", "speech as text", (records.MediaTranscribed,))
TRANSCODED = Topic("media.transcoded", "proxies, sound and frames", (records.MediaTranscoded,), stage="transcode")
FACES = Topic("media.faces-detected", "faces in images and videos", (records.FacesDetected,), stage="faces")
TEXT_SEEN = Topic("media.text-detected", "text that is visible", (records.TextDetected,), stage="text-in-video")
SEGMENTED = Topic("media.segmented", "shots and technical cues of videos", (records.MediaSegmented,), stage="segments")
CELEBRITIES = Topic(
    "media.celebrities-recognised", "known people", (records.CelebritiesRecognised,), stage="celebrities"
)
DOCUMENTS = Topic("media.document-analysed", "text of documents", (records.DocumentAnalysed,))
ENTITIES = Topic("media.entities-detected", "names in texts", (records.EntitiesDetected,), stage="entities")
SENTIMENT = Topic("media.sentiment-detected", "the mood of texts", (records.SentimentDetected,), stage="sentiment")
KEY_PHRASES = Topic(
    "media.key-phrases-detected", "what texts are about", (records.KeyPhrasesDetected,), stage="key-phrases"
)
LANGUAGE = Topic("media.language-detected", "the language of texts", (records.LanguageDetected,), stage="language")
PII = Topic("media.pii-detected", "where texts hold personal data", (records.PiiDetected,), stage="pii")
TRANSLATED = Topic("media.translated", "translations", (records.MediaTranslated,))
VOICED = Topic("media.voiced", "translations read out", (records.MediaVoiced,), stage="voice")
SUMMARISED = Topic("media.summarised", "summaries", (records.MediaSummarised,), stage="summary")
COMPLETED = Topic("media.completed", "fan-in: every stage expected for an object has ended", (records.MediaCompleted,))
BRIDGE_DLQ = Topic("bridge.dlq", "what AWS sent and nobody could read", retention_days=90, max_bytes=LARGEST)
SCHEMAS = Topic("system.schemas", "writer schemas by fingerprint", partitions=1, compacted=True)
BACKFILLS = Topic("system.backfills", "how far each backfill has come", partitions=1, compacted=True)

WORKERS = Topic("system.workers", "how each worker's stages are", partitions=1, compacted=True)
DISPOSITIONS = Topic("system.dispositions", "what was decided about dead letters", partitions=1, compacted=True)
RULES = Topic("system.rules", "rules that are in force", partitions=1, compacted=True)
AUDIT = Topic("system.audit", "who replayed what, when and why", partitions=1, retention_days=365)

SHARED = (
    UPLOADED,
    DELETED,
    AWS_EVENTS,
    JOBS_STARTED,
    JOBS_FINISHED,
    THUMBNAILED,
    SCANNED,
    PROBED,
    READY,
    LABELLED,
    MODERATED,
    TRANSCRIBED,
    TRANSCODED,
    FACES,
    TEXT_SEEN,
    SEGMENTED,
    CELEBRITIES,
    DOCUMENTS,
    ENTITIES,
    SENTIMENT,
    KEY_PHRASES,
    LANGUAGE,
    PII,
    TRANSLATED,
    VOICED,
    SUMMARISED,
    COMPLETED,
    BRIDGE_DLQ,
    SCHEMAS,
    BACKFILLS,
    WORKERS,
    DISPOSITIONS,
    RULES,
    AUDIT,
)


def retry(stage: str) -> Topic:
    """The topic where a stage's records wait until they are due again."""
    return Topic(f"{stage}.retry", f"records of {stage} that are tried again later", max_bytes=LARGEST)


def dead_letters(stage: str) -> Topic:
    """The topic where a stage's records end that cannot be processed, as they came, with the reason."""
    holds = f"what {stage} could not process, as it came, with the reason"
    return Topic(f"{stage}.dlq", holds, retention_days=90, max_bytes=LARGEST)


def table(stages: Iterable[str]) -> tuple[Topic, ...]:
    """Every topic of a pipeline with these stages."""
    names = tuple(stages)
    shared = [topic for topic in SHARED if not topic.stage or topic.stage in names]
    return (*shared, *(topic for stage in names for topic in (retry(stage), dead_letters(stage))))


def is_dead_letters(topic: str) -> bool:
    """Whether a topic holds dead letters, of a stage or of the bridge."""
    return topic.endswith(".dlq")


_TOPIC_OF = {event: topic for topic in SHARED for event in topic.events}


_OF_A_JOB = (records.JobStarted, records.JobFinished)


def topic_for(kind: type[Event]) -> Topic:
    """The one topic that holds this kind of event."""
    return _TOPIC_OF[kind]


def topic_of(event: Event) -> Topic:
    """The one topic that holds this event."""
    return topic_for(type(event))


def key_of(event: Event) -> bytes:
    """The record key: the asset, so that everything about it is in one partition; for jobs the token."""
    return subject_of(event).encode()


def subject_of(event: Event) -> str:
    """What the event is about, in words."""
    if isinstance(event, _OF_A_JOB):
        return event.token
    if isinstance(event, records.AwsEvent):
        return event.source
    return asset_key(event.asset)
