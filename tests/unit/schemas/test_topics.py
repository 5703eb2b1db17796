"""Tests of the topic table."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime

import pytest

from headrace.schemas import topics
from headrace.schemas.records import EVENTS, Asset, AwsEvent, Event, JobFinished, MediaDeleted

STAGES = ("labels", "thumbnails")
NOW = datetime(2026, 3, 14, tzinfo=UTC)
READY = topics.READY.name
ASSET = Asset(bucket="media", key="Straße 1/a+b.mp4", version="1", etag="", size=0, sequencer="")


def test_topic_names_are_unique() -> None:
    names = [topic.name for topic in topics.table(STAGES)]

    assert len(names) == len(set(names))


def test_every_event_has_exactly_one_topic() -> None:
    homes = Counter(event for topic in topics.SHARED for event in topic.events)

    assert homes == dict.fromkeys(EVENTS.values(), 1)


@pytest.mark.parametrize("event", EVENTS.values())
def test_topic_for_returns_the_topic_that_lists_the_event(event: type[Event]) -> None:
    assert event in topics.topic_for(event).events


def test_topic_of_an_optional_stage_needs_the_stage() -> None:
    without, with_it = ({topic.name for topic in topics.table(names)} for names in (STAGES, (*STAGES, "faces")))
    assert with_it - without == {"media.faces-detected", "faces.retry", "faces.dlq"}


def test_each_stage_has_a_retry_and_a_dead_letter_topic() -> None:
    own = [topic.name for topic in topics.table(STAGES) if topic not in topics.SHARED]

    assert own == ["labels.retry", "labels.dlq", "thumbnails.retry", "thumbnails.dlq"]


def test_recognises_dead_letter_topics_by_name() -> None:
    names = {topic.name for topic in topics.table(STAGES) if topics.is_dead_letters(topic.name)}

    assert names == {"bridge.dlq", "labels.dlq", "thumbnails.dlq"}


def test_dead_letters_have_longer_retention_than_events() -> None:
    letters = [topic for topic in topics.table(STAGES) if topics.is_dead_letters(topic.name)]
    others = [topic for topic in topics.table(STAGES) if topic not in letters and not topic.name.startswith("system.")]

    assert min(topic.retention_days for topic in letters) > max(topic.retention_days for topic in others)


def test_schema_topic_is_compacted_with_one_partition() -> None:
    assert topics.SCHEMAS.config["cleanup.policy"] == "compact"
    assert topics.SCHEMAS.partitions == 1


def test_compacted_topic_keeps_little_beyond_its_newest_records() -> None:
    """Kafka compacts closed segments only, and closes one after 7 days or 1 GiB by default."""
    minutes = [int(topics.SLOTS.config[name]) / 60_000 for name in ("segment.ms", "delete.retention.ms")]
    assert max(minutes) <= 15
    assert int(topics.SLOTS.config["segment.bytes"]) <= 2**20
    assert float(topics.SLOTS.config["min.cleanable.dirty.ratio"]) <= 0.01


def test_partitions_are_chosen_by_topic_or_for_all() -> None:
    table = {each.name: each.partitions for each in topics.with_partitions(topics.table(STAGES), {"*": 8, READY: 64})}
    assert (table[READY], table["media.uploaded"], table["system.slots"]) == (64, 8, 1)
    assert topics.with_partitions(topics.table(STAGES), {}) == topics.table(STAGES)


@pytest.mark.parametrize(
    ("name", "reason"), [("system.slots", "has one partition"), ("media.redy", "there is no topic media.redy")]
)
def test_partitions_of_a_single_or_unknown_topic_are_rejected(name: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        topics.with_partitions(topics.table(STAGES), {name: 8})


def test_retention_is_configured_in_milliseconds() -> None:
    assert topics.UPLOADED.config == {"cleanup.policy": "delete", "retention.ms": "2592000000"}


def test_events_of_an_asset_have_the_asset_as_key() -> None:
    event = MediaDeleted(asset=ASSET, event_name="ObjectRemoved:Delete", deleted_at=NOW, region="us-east-1")

    assert topics.key_of(event) == "media/Straße 1/a+b.mp4".encode()


def test_job_key_is_its_token() -> None:
    event = JobFinished(
        token="labels-1", service="rekognition", operation="", job_id="1", status="succeeded", finished_at=NOW
    )

    assert topics.key_of(event) == b"labels-1"
    assert topics.topic_of(event) == topics.JOBS_FINISHED


def test_event_without_an_asset_has_its_source_as_key() -> None:
    event = AwsEvent(source="aws.ec2", detail_type="x", occurred_at=NOW, body="{}")

    assert topics.key_of(event) == b"aws.ec2"
