"""Tables of operations: dead letters, replays, workers, rules, and the progress of the projector itself.

Times are in seconds since 1970, except in JSON.
"""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Double, Index, Integer, Table

from headrace.console.views.metadata import BYTES, METADATA, NUMBER, TEXT

dead_letters = Table(
    "dead_letters",
    METADATA,
    Column("id", TEXT, primary_key=True),  # as `headrace dlq list` prints it
    Column("stage", TEXT, nullable=False),
    Column("code", TEXT, nullable=False),
    Column("class", TEXT, nullable=False),
    Column("reason", TEXT, nullable=False),
    Column("kind", TEXT, nullable=False),  # the reason without numbers, paths and secrets
    Column("asset", TEXT),  # bucket/key, if it is known
    Column("failed_at", Double, nullable=False),
    Column("readable", Boolean, nullable=False),  # whether its value is an event
    Column("resolved", Boolean, nullable=False),
    Column("records", Integer, nullable=False),  # failures of this event in this stage
    # The newest record, without its value:
    Column("topic", TEXT, nullable=False),
    Column("partition", Integer, nullable=False),
    Column("offset", NUMBER, nullable=False),
    Column("timestamp", Double, nullable=False),
    Column("key", BYTES),
    Column("headers", BYTES, nullable=False),  # msgpack, a list of pairs
    Index(None, "resolved", "timestamp"),
    Index(None, "stage", "timestamp"),
    Index(None, "asset"),
)
"""One row per dead letter: the failure of one event in one stage."""

dispositions = Table(
    "dispositions",
    METADATA,
    Column("letter", TEXT, primary_key=True),
    Column("kind", TEXT, nullable=False),
    Column("document", TEXT, nullable=False),  # JSON, as on the topic
    Column("offset", NUMBER, nullable=False),
)

replays = Table(
    "replays",
    METADATA,
    Column("id", TEXT, primary_key=True),
    Column("kind", TEXT, nullable=False),
    Column("state", TEXT, nullable=False),
    Column("stage", TEXT, nullable=False),
    Column("document", TEXT, nullable=False),  # JSON of the newest audit entry
    Column("first_offset", NUMBER, nullable=False),
    Column("offset", NUMBER, nullable=False),
)

audit = Table(
    "audit",
    METADATA,
    Column("partition", Integer, primary_key=True),
    Column("offset", NUMBER, primary_key=True, autoincrement=False),
    Column("replay", TEXT, nullable=False),
    Column("at", Double, nullable=False),
    Column("document", TEXT, nullable=False),  # JSON
)
"""Every entry and control message of replays."""

workers = Table(
    "workers",
    METADATA,
    Column("key", TEXT, primary_key=True),  # stage/worker
    Column("stage", TEXT, nullable=False),
    Column("worker", TEXT, nullable=False),
    Column("state", TEXT, nullable=False),
    Column("document", TEXT, nullable=False),  # JSON of the newest report
    Column("offset", NUMBER, nullable=False),
)

rules = Table(
    "rules",
    METADATA,
    Column("name", TEXT, primary_key=True),
    Column("document", TEXT, nullable=False),  # TOML
    Column("changed_by", TEXT, nullable=False),
    Column("changed_at", TEXT, nullable=False),
    Column("offset", NUMBER, nullable=False),
)

people = Table(
    "people",
    METADATA,
    Column("key", TEXT, primary_key=True),  # of the record: kind and faces
    Column("kind", TEXT, nullable=False),  # name, link or forgotten
    Column("face", TEXT, nullable=False),
    Column("other", TEXT, nullable=False),  # the other face of a link, or empty
    Column("name", TEXT, nullable=False),  # of a person, or empty
    Column("by", TEXT, nullable=False),
    Column("at", TEXT, nullable=False),
    Column("offset", NUMBER, nullable=False),
    Index(None, "face"),
    Index(None, "other"),
)
"""Names of people, links between faces, and forgotten faces. Faces that were seen are in `passages`."""

deliveries = Table(
    "deliveries",
    METADATA,
    Column("rule", TEXT, primary_key=True),
    Column("event_id", TEXT, primary_key=True),
    Column("status", TEXT, nullable=False),  # retrying or dead-lettered
    Column("code", TEXT, nullable=False),
    Column("reason", TEXT, nullable=False),
    Column("at", Double, nullable=False),
    Column("topic", TEXT, nullable=False),
    Column("partition", Integer, nullable=False),
    Column("offset", NUMBER, nullable=False),
)
"""Deliveries of rules that failed: a successful one leaves no record on the log."""

losses = Table(
    "losses",
    METADATA,
    Column("id", TEXT, primary_key=True),  # stage, topic, partition and first offset
    Column("stage", TEXT, nullable=False),
    Column("acknowledged", Boolean, nullable=False),
    Column("document", TEXT, nullable=False),  # JSON
    Column("offset", NUMBER, nullable=False),
)
"""Ranges of records that expired before a stage read them."""

gaps = Table(
    "gaps",
    METADATA,
    Column("topic", TEXT, primary_key=True),
    Column("partition", Integer, primary_key=True),
    Column("first", NUMBER, primary_key=True, autoincrement=False),
    Column("next", NUMBER, nullable=False),
    Column("detected_at", Double, nullable=False),
)
"""Records that expired before the projector read them, so the views lack them: `first` up to, not including, `next`."""

undecodable = Table(
    "undecodable",
    METADATA,
    Column("topic", TEXT, primary_key=True),
    Column("partition", Integer, primary_key=True),
    Column("offset", NUMBER, primary_key=True, autoincrement=False),
    Column("key", BYTES),
    Column("reason", TEXT, nullable=False),
)
"""Records that could not be read: the first of each partition. `offsets.undecodable` counts all of them."""

offsets = Table(
    "offsets",
    METADATA,
    Column("topic", TEXT, primary_key=True),
    Column("partition", Integer, primary_key=True),
    Column("next", NUMBER, nullable=False),
    Column("end", NUMBER, nullable=False),  # of the partition, when it was last read
    Column("timestamp", Double),  # of the last record
    Column("records", NUMBER, nullable=False),
    Column("undecodable", NUMBER, nullable=False),
)
"""The next offset of each partition, written in the transaction that writes what was folded up to it."""

properties = Table(
    "properties",
    METADATA,
    Column("name", TEXT, primary_key=True),  # schema, cluster, servers
    Column("value", TEXT, nullable=False),
)

progress = Table(
    "progress",
    METADATA,
    Column("name", TEXT, primary_key=True),  # caught_up_at
    Column("value", Double, nullable=False),
)
