"""Tables of assets: their versions, stages, timelines, jobs and costs.

Times are in seconds since 1970. Costs are in nano-US-dollars, so that sums do not depend on their order. Texts from
events are stored as `headrace.console.views.stored_text` describes.
"""

from __future__ import annotations

from sqlalchemy import Column, Double, Index, Integer, Table, UniqueConstraint, text

from headrace.console.views.metadata import BYTES, METADATA, NUMBER, ROW_ID, TEXT

assets = Table(
    "assets",
    METADATA,
    Column("id", ROW_ID, primary_key=True),
    Column("bucket", TEXT, nullable=False),
    Column("key", TEXT, nullable=False),
    Column("newest_order", TEXT, nullable=False),  # with `newest_version`, the newest row of `versions`
    Column("newest_version", TEXT, nullable=False),
    Column("state", TEXT, nullable=False),  # of the newest version: processing, completed or deleted
    Column("kind", TEXT),  # of the newest version: image, video, audio or document
    Column("size", NUMBER, nullable=False),
    Column("uploaded_at", Double),
    Column("completed_at", Double),
    Column("versions", Integer, nullable=False),
    Column("usd_nanos", NUMBER, nullable=False),  # of all versions
    Column("updated", Double, nullable=False),  # time of the last change, by the clock of the projector
    UniqueConstraint("bucket", "key"),
    Index(None, "key"),
    Index(None, "uploaded_at"),
    Index(None, "updated"),
    Index(
        "ix_assets_processing",
        "bucket",
        "key",
        sqlite_where=text("state = 'processing'"),
        postgresql_where=text("state = 'processing'"),
    ),
)

versions = Table(
    "versions",
    METADATA,
    Column("id", ROW_ID, primary_key=True),
    Column("asset_id", NUMBER, nullable=False),
    Column("sequencer_order", TEXT, nullable=False),  # the sequencer, padded so that texts sort in S3's order
    Column("version", TEXT, nullable=False),
    Column("sequencer", TEXT, nullable=False),
    Column("version_id", TEXT),  # of S3; null without versioning
    Column("etag", TEXT, nullable=False),
    Column("size", NUMBER, nullable=False),
    Column("kind", TEXT),
    Column("uploaded_at", Double),
    Column("completed_at", Double),
    Column("deleted_at", Double),
    UniqueConstraint("asset_id", "sequencer_order", "version"),
)

stage_states = Table(
    "stage_states",
    METADATA,
    Column("version_id", NUMBER, primary_key=True),
    Column("stage", TEXT, primary_key=True),
    Column("status", TEXT, nullable=False),  # done, running, retrying or dead-lettered
    Column("at", Double, nullable=False),
    Column("event_id", TEXT, nullable=False),
    Column("cause", TEXT, nullable=False),
    Column("summary", TEXT, nullable=False),  # the result in a few words, or the reason
    Column("code", TEXT),  # of a retry or dead letter
    Column("location", TEXT),  # of the result, s3://bucket/key
    Column("usd_nanos", NUMBER, nullable=False),
    Column("attempts", Integer),  # of a retry or dead letter
    Column("due_at", Double),  # of a retry
    Column("topic", TEXT, nullable=False),
    Column("partition", Integer, nullable=False),
    Column("offset", NUMBER, nullable=False),
    Index(
        "ix_stage_states_unfinished",
        "stage",
        "status",
        "at",
        sqlite_where=text("status <> 'done'"),
        postgresql_where=text("status <> 'done'"),
    ),
    sqlite_with_rowid=False,
)


def _fact_columns(identifies: bool = True) -> tuple[Column[object], ...]:
    """Return the columns of one event, dead letter or retry. `identifies`: the identity is part of the key."""
    return (
        # A hash of the topic and the event id; of a retry, also of its position.
        Column("identity", NUMBER, primary_key=identifies, autoincrement=False, nullable=False),
        Column("at", Double, nullable=False),
        Column("event", TEXT, nullable=False),  # such as MediaLabelled; DeadLetter or Retry
        Column("stage", TEXT, nullable=False),
        Column("status", TEXT),
        Column("event_id", TEXT, nullable=False),
        Column("cause", TEXT, nullable=False),
        Column("correlation", TEXT, nullable=False),
        Column("topic", TEXT, nullable=False),
        Column("partition", Integer, nullable=False),
        Column("offset", NUMBER, nullable=False),
        Column("summary", TEXT, nullable=False),
        Column("location", TEXT),
        Column("usd_nanos", NUMBER, nullable=False),
        Column("token", TEXT),  # of a job
        Column("letter", TEXT),  # JSON of `LetterInfo`
        Column("code", TEXT),  # of a retry or dead letter
        Column("attempts", Integer),  # of a retry or dead letter
        Column("due_at", Double),  # of a retry
        Column("deliveries", Integer, nullable=False),
        Column("saved_nanos", NUMBER, nullable=False),  # by the reuse of another result
    )


timeline = Table(
    "timeline",
    METADATA,
    Column("version_id", NUMBER, primary_key=True),
    *_fact_columns(),
    Index(None, "stage", "at", "status"),
    sqlite_with_rowid=False,  # the rows of a version are in one place
)
"""The events of each version, without the completions of its jobs."""

jobs = Table(
    "jobs",
    METADATA,
    Column("id", ROW_ID, primary_key=True),
    Column("token", TEXT, nullable=False),
    Column("version_id", NUMBER),  # null until the start of the job is read
    Column("stage", TEXT, nullable=False),
    Column("service", TEXT, nullable=False),
    Column("operation", TEXT, nullable=False),
    Column("job_id", TEXT, nullable=False),
    Column("started_at", Double),
    Column("deadline_at", Double),
    Column("finished_at", Double),
    Column("status", TEXT),  # succeeded or failed; null while it runs
    Column("message", TEXT),
    UniqueConstraint("token"),
    Index(None, "version_id"),
)

completions = Table(
    "completions",
    METADATA,
    Column("job", NUMBER, primary_key=True),
    *_fact_columns(),
    sqlite_with_rowid=False,
)
"""The completions of jobs. They name only the token: `jobs.version_id` has the version."""

removals = Table(
    "removals",
    METADATA,
    Column("asset_id", NUMBER, primary_key=True),
    Column("version", TEXT, primary_key=True),
    *_fact_columns(identifies=False),
)
"""Removals of single versions of a bucket with versioning: every row of `versions` with this version is deleted."""

costs = Table(
    "costs",
    METADATA,
    Column("day", TEXT, primary_key=True),  # UTC, YYYY-MM-DD
    Column("stage", TEXT, primary_key=True),
    Column("partition", Integer, primary_key=True),  # so that several projectors do not wait for each other
    Column("usd_nanos", NUMBER, nullable=False),
    Column("results", NUMBER, nullable=False),
    Column("saved_nanos", NUMBER, nullable=False),
)

text_sources = Table(
    "text_sources",
    METADATA,
    Column("id", ROW_ID, primary_key=True),
    Column("asset_id", NUMBER, nullable=False),
    Column("version_id", NUMBER, nullable=False),
    Column("stage", TEXT, nullable=False),
    Column("variant", TEXT, nullable=False),  # target language of a translation, or empty
    Column("event_type", TEXT, nullable=False),
    Column("event_id", TEXT, nullable=False),
    Column("event", BYTES),  # msgpack; null once its text is indexed
    Column("occurred_at", Double, nullable=False),
    Column("state", TEXT, nullable=False),  # pending, indexed, missing or invalid
    Column("error", TEXT),
    Column("words", Integer),
    UniqueConstraint("version_id", "stage", "variant"),
    Index(
        "ix_text_sources_pending",
        "id",
        sqlite_where=text("state = 'pending'"),
        postgresql_where=text("state = 'pending'"),
    ),
)
"""Results whose text is searchable, and whether it is indexed yet."""
