"""The use of job slots, from the records of `system.slots`."""

from __future__ import annotations

from datetime import timedelta

import pytest

from headrace.console.web.slot_monitor import SlotMonitor, SlotUse
from headrace.schemas.ids import job_token
from headrace.schemas.kafka.settings import KafkaSettings
from headrace.schemas.messages import ConsumerRecord
from headrace.schemas.parsing import InvalidValueError
from headrace.streams.limits.job_quotas import JobQuotas
from headrace.streams.limits.slot_records import (
    SlotClaim,
    SlotEnd,
    SlotRecord,
    SlotStart,
    WorkerHeartbeat,
    to_record,
)
from tests.support.records import NOW, arrived, asset

QUOTAS = JobQuotas(
    {"rekognition": 2, "transcript": 1}, {"labels": "rekognition", "faces": "rekognition", "transcript": "transcript"}
)
SHARED = ("labels", "faces")
ASSET = asset()


def start(claim: int) -> SlotStart:
    return SlotStart("w1", claim, NOW, NOW + timedelta(hours=1))


def monitor(*steps: tuple[str, SlotRecord]) -> SlotMonitor:
    """Return a monitor that has read records, each of a stage or of a worker."""
    found = SlotMonitor(KafkaSettings(bootstrap_servers="127.0.0.1:1"), QUOTAS)
    for offset, (name, content) in enumerate(steps):
        found.take(arrived(to_record(name, content), offset, NOW.timestamp()))
    return found


def token(stage: str, number: int = 0) -> str:
    return job_token(stage, ASSET, f"{number}")


def test_stages_of_a_service_share_its_slots() -> None:
    labels, faces = token("labels"), token("faces")
    read = monitor(
        ("worker/w1", WorkerHeartbeat()),
        (labels, SlotClaim("w1")),
        (labels, start(1)),
        (faces, SlotClaim("w1")),
        (faces, start(3)),
        (token("labels", 1), SlotClaim("w2")),
        (token("scan"), SlotClaim("w2")),
    )
    use = read.counted(NOW)
    assert use["labels"] == use["faces"] == SlotUse(2, 2, 1, SHARED)
    assert use["labels"].is_full
    assert use["transcript"] == SlotUse(1, 0, 0, ("transcript",))
    assert set(use) == {"labels", "faces", "transcript"}


def test_slots_of_ended_and_overdue_jobs_are_free() -> None:
    ended, overdue = token("labels"), token("faces")
    read = monitor(
        (ended, SlotClaim("w1")), (ended, start(0)), (overdue, SlotClaim("w1")), (overdue, start(2)), (ended, SlotEnd())
    )
    assert read.counted(NOW)["labels"].taken == 1
    assert read.counted(NOW + timedelta(hours=2))["labels"].taken == 0


def test_nothing_is_shown_before_the_topic_is_read() -> None:
    assert monitor().use() == {}


def test_a_foreign_record_is_rejected() -> None:
    with pytest.raises(InvalidValueError):
        monitor().take(ConsumerRecord("system.slots", 0, 0, 1.0, token("labels").encode(), b"{}", ()))
