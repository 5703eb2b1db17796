"""The topic table. Docs, the command line and clusters are generated from it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from operator import attrgetter
from typing import Any, cast

from headrace.schemas import records
from headrace.schemas.ids import asset_key
from headrace.schemas.records import Event

DAY_MS = 86_400_000
PARTITIONS = 4
ALL_TOPICS = "*"
PROMPT_COMPACTION = {
    "segment.ms": "600000",
    "segment.bytes": str(2**20),
    "min.cleanable.dirty.ratio": "0.01",
    "delete.retention.ms": "900000",
}
"""Compact every 10 minutes: a reader of the whole topic reads little beyond the newest record of each key."""
LARGEST = 2 * 2**20
"""Size limit in bytes of an unchanged record with added headers. AWS sends up to 1 MiB; Kafka's default is 1 MiB."""


@dataclass(frozen=True, slots=True)
class Topic:
    """One Kafka topic: its contents and its settings."""

    name: str
    description: str
    events: tuple[type[Event], ...] = ()
    partitions: int = PARTITIONS
    retention_days: int = 30
    compacted: bool = False
    max_bytes: int | None = None
    stage: str = ""
    """The stage that writes the topic; empty for a topic of every pipeline."""

    @property
    def config(self) -> dict[str, str]:
        """The topic's settings for Kafka."""
        size = {"max.message.bytes": str(self.max_bytes)} if self.max_bytes else {}
        if self.compacted:
            return {"cleanup.policy": "compact", **PROMPT_COMPACTION, **size}
        return {"cleanup.policy": "delete", "retention.ms": str(self.retention_days * DAY_MS), **size}


UPLOADED = Topic("media.uploaded", "objects created in S3", (records.MediaUploaded,))
DELETED = Topic("media.deleted", "objects removed from S3", (records.MediaDeleted,))
AWS_EVENTS = Topic("aws.events", "every other AWS or custom event, unchanged", (records.AwsEvent,), max_bytes=LARGEST)
JOBS_STARTED = Topic("jobs.started", "asynchronous AWS jobs that AWS accepted; key = job token", (records.JobStarted,))
JOBS_FINISHED = Topic("jobs.finished", "asynchronous AWS jobs that have ended; key = job token", (records.JobFinished,))
THUMBNAILED = Topic("media.thumbnailed", "previews", (records.MediaThumbnailed,))
SCANNED = Topic("media.scanned", "objects that passed the content check", (records.MediaScanned,))
PROBED = Topic("media.probed", "technical metadata", (records.MediaProbed,))
READY = Topic("media.ready", "fan-in: scanned and probed, so worth paying for", (records.MediaReady,))
LABELLED = Topic("media.labelled", "labels of images and videos", (records.MediaLabelled,))
MODERATED = Topic("media.moderated", "unsafe content in images and videos", (records.MediaModerated,))
TRANSCRIBED = Topic("media.transcribed", "speech as text", (records.MediaTranscribed,))
TRANSCODED = Topic("media.transcoded", "proxies, sound and frames", (records.MediaTranscoded,), stage="transcode")
FACES = Topic("media.faces-detected", "faces in images and videos", (records.FacesDetected,), stage="faces")
TEXT_SEEN = Topic("media.text-detected", "text in images and videos", (records.TextDetected,), stage="text-in-video")
SEGMENTED = Topic("media.segmented", "shots and technical cues of videos", (records.MediaSegmented,), stage="segments")
QUALITY = Topic(
    "media.quality-measured", "technical quality of audio and video", (records.QualityMeasured,), stage="quality"
)
CELEBRITIES = Topic(
    "media.celebrities-recognised", "known people", (records.CelebritiesRecognised,), stage="celebrities"
)
PEOPLE = Topic(
    "media.people-recognised", "people of a face collection", (records.PeopleRecognised,), stage="face-search"
)
DOCUMENTS = Topic("media.document-analysed", "text of documents", (records.DocumentAnalysed,))
ENTITIES = Topic("media.entities-detected", "named entities in texts", (records.EntitiesDetected,), stage="entities")
SENTIMENT = Topic("media.sentiment-detected", "sentiment of texts", (records.SentimentDetected,), stage="sentiment")
KEY_PHRASES = Topic(
    "media.key-phrases-detected", "key phrases of texts", (records.KeyPhrasesDetected,), stage="key-phrases"
)
LANGUAGE = Topic("media.language-detected", "language of texts", (records.LanguageDetected,), stage="language")
PII = Topic("media.pii-detected", "positions of personal data in texts", (records.PiiDetected,), stage="pii")
SUMMARISED = Topic("media.summarised", "summaries", (records.MediaSummarised,), stage="summary")
EMBEDDED = Topic("media.embedded", "vectors of passages", (records.MediaEmbedded,), stage="embedding")
TRANSLATED = Topic("media.translated", "translations", (records.MediaTranslated,))
VOICED = Topic("media.voiced", "translations as speech", (records.MediaVoiced,), stage="voice")
DESCRIBED = Topic("media.described", "descriptions of pictures and videos", (records.MediaDescribed,), stage="describe")
CUSTOM_LABELS = Topic(
    "media.custom-labels-detected",
    "labels of the user's own models",
    (records.CustomLabelsDetected,),
    stage="custom-labels",
)
REDACTED_TRANSCRIPT = Topic(
    "media.transcript-redacted",
    "speech as text without personal data",
    (records.TranscriptRedacted,),
    stage="redact-transcript",
)
REDACTED_MEDIA = Topic(
    "media.redacted", "files for sharing without faces and personal data", (records.MediaRedacted,), stage="redact"
)
INSIGHTS = Topic(
    "media.insights-extracted",
    "summaries, parts, texts and unsafe content of files",
    (records.InsightsExtracted,),
    stage="data-automation",
)
COMPLETED = Topic("media.completed", "fan-in: every stage expected for an object has ended", (records.MediaCompleted,))
BRIDGE_DLQ = Topic("bridge.dlq", "unparseable AWS messages, unchanged", retention_days=90, max_bytes=LARGEST)
SCHEMAS = Topic("system.schemas", "writer schemas by fingerprint", partitions=1, compacted=True)
BACKFILLS = Topic("system.backfills", "checkpoints of backfills", partitions=1, compacted=True)
WORKERS = Topic("system.workers", "status of the stages of each worker", partitions=1, compacted=True)
LOSSES = Topic("system.losses", "records that were deleted before a stage read them", partitions=1, compacted=True)
DISPOSITIONS = Topic("system.dispositions", "decisions about dead letters", partitions=1, compacted=True)
SLOTS = Topic("system.slots", "claims of job slots, waiting and running; key = job token", partitions=1, compacted=True)
SPENDING = Topic("system.spending", "snapshots of the spending of a day", partitions=1, compacted=True)
RULES = Topic("system.rules", "active rules", partitions=1, compacted=True)
PEOPLE_FACTS = Topic(
    "system.people",
    "names of people, links between faces, and forgotten faces; key = fact",
    partitions=1,
    compacted=True,
    stage="face-search",
)
MACHINES = "machines"
"""The stage that advances executions of state machines."""
MACHINE_DEFINITIONS = Topic(
    "machines.definitions",
    "definitions, versions and aliases of state machines",
    partitions=1,
    compacted=True,
    max_bytes=LARGEST,
    stage=MACHINES,
)
MACHINE_INBOX = Topic(
    "machines.inbox",
    "what happens to executions; key = execution",
    (records.StimulusReceived,),
    max_bytes=LARGEST,
    stage=MACHINES,
)
MACHINE_HISTORY = Topic(
    "machines.history",
    "history of executions, a record for each transition; key = execution",
    (records.ExecutionAdvanced,),
    retention_days=365,
    max_bytes=LARGEST,
    stage=MACHINES,
)
MACHINE_STATE = Topic(
    "machines.state",
    "snapshots of open executions; key = execution",
    compacted=True,
    max_bytes=LARGEST,
    stage=MACHINES,
)
MACHINE_TASKS = Topic("machines.tasks", "scheduled tasks", (records.TaskScheduled,), max_bytes=LARGEST, stage=MACHINES)
MACHINE_ACTIVITIES = Topic(
    "machines.activities",
    "tasks that wait for a worker of an activity; key = activity",
    (records.ActivityScheduled,),
    max_bytes=LARGEST,
    stage=MACHINES,
)
AUDIT = Topic("system.audit", "audit log of replays", partitions=1, retention_days=365)

SHARED = tuple(value for value in globals().values() if isinstance(value, Topic))
"""Every topic that is not one stage's own, in the order of this module."""


def retry(stage: str) -> Topic:
    """Return the topic of a stage's records that wait for a retry."""
    return Topic(f"{stage}.retry", f"records of {stage} that wait for a retry", max_bytes=LARGEST)


def dead_letters(stage: str) -> Topic:
    """Return the dead-letter topic of a stage."""
    description = f"records that {stage} could not process, unchanged, with the reason"
    return Topic(f"{stage}.dlq", description, retention_days=90, max_bytes=LARGEST)


def table(stages: Iterable[str]) -> tuple[Topic, ...]:
    """List the topics of a pipeline with these stages."""
    names = tuple(stages)
    shared = [topic for topic in SHARED if not topic.stage or topic.stage in names]
    return (*shared, *(topic for stage in names for topic in (retry(stage), dead_letters(stage))))


def with_partitions(wanted: Iterable[Topic], partitions: Mapping[str, int]) -> tuple[Topic, ...]:
    """Return topics with other numbers of partitions, by topic name; `*` stands for every topic that has several.

    Raises:
        ValueError: a topic is unknown, or one whose only partition orders all of its records.
    """
    table_ = tuple(wanted)
    single = {topic.name for topic in table_ if topic.partitions == 1}
    if fixed := sorted(single & partitions.keys()):
        raise ValueError(f"{fixed[0]} has one partition, which orders all of its records")
    if unknown := sorted(partitions.keys() - {topic.name for topic in table_} - {ALL_TOPICS}):
        raise ValueError(f'there is no topic {unknown[0]}; "headrace topics list" lists them')

    def number(topic: Topic) -> int:
        return partitions.get(topic.name, partitions.get(ALL_TOPICS, topic.partitions))

    return tuple(topic if topic.name in single else replace(topic, partitions=number(topic)) for topic in table_)


def is_dead_letters(topic: str) -> bool:
    """Return whether a topic is a dead-letter topic, of a stage or of the bridge."""
    return topic.endswith(".dlq")


_TOPIC_OF = {event: topic for topic in SHARED for event in topic.events}


_SUBJECTS: dict[type[Event], Callable[[Any], str]] = {
    records.JobStarted: attrgetter("token"),
    records.JobFinished: attrgetter("token"),
    records.StimulusReceived: attrgetter("execution"),
    records.ExecutionAdvanced: attrgetter("execution"),
    records.TaskScheduled: lambda event: f"{event.execution}#{event.task}",
    records.ActivityScheduled: attrgetter("activity"),
    records.AwsEvent: attrgetter("source"),
}
"""How to get the subject of an event that has no asset."""


def topic_for(kind: type[Event]) -> Topic:
    """Return the topic of a kind of event."""
    return _TOPIC_OF[kind]


def topic_of(event: Event) -> Topic:
    """Return the topic of an event."""
    return topic_for(type(event))


def key_of(event: Event) -> bytes:
    """Return the record key: its subject, so that its events are in one partition."""
    return subject_of(event).encode()


def subject_of(event: Event) -> str:
    """Return the CloudEvents subject of an event: the asset, the job token, the execution or the source."""
    subject = _SUBJECTS.get(type(event))
    if subject is not None:
        return subject(event)
    return asset_key(cast(Any, event).asset)
