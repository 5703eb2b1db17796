"""The stable id of a dead letter. Pure."""

from __future__ import annotations

import hashlib

from headrace.schemas import topics
from headrace.schemas.messages import ConsumerRecord

_SUFFIX = topics.dead_letters("").name


def letter_id(record: ConsumerRecord) -> str:
    """Compute the id: the stage, and a digest of stage, event id and key. Equal on every delivery and replay."""
    return id_of(stage_of(record.topic), identity(record, dict(record.headers).get("ce_id")))


def id_of(stage: str, identity: bytes) -> str:
    """Compute the id of a stage's dead letter from its identity."""
    return f"{stage}-{hashlib.sha256(stage.encode() + identity).hexdigest()[:32]}"


def identity(record: ConsumerRecord, event: bytes | None) -> bytes:
    """Identify a dead letter within its stage: by the event id, which is in the header `ce_id`, and its key.

    The key keeps records apart that a faulty producer sends with one event id; all of a letter are in one partition.
    Without one: by the AWS message id, else by the original topic, partition and offset, else by its own.
    """
    headers = {} if event else {name: value for name, value in record.headers if value}
    if event := event or headers.get("ce_id"):
        return b" ce_id " + event + b" key " + (record.key or b"")
    for name in ("dlq-sqs-message", "dlq-sns-message"):
        if name in headers:
            return f" {name} ".encode() + headers[name]
    origin = [headers[name] for name in ("dlq-topic", "dlq-partition", "dlq-offset") if name in headers]
    if len(origin) < 3:
        origin = [f"{part}".encode() for part in (record.topic, record.partition, record.offset)]
    return b" record " + b"/".join(origin)


def stage_of(topic: str) -> str:
    """Name the stage of a dead-letter topic."""
    return topic.removesuffix(_SUFFIX)
