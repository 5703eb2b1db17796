"""Values of control topics that are malformed are skipped by every reader."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from headrace.console.dlq import dispositions
from headrace.console.replay import audit
from headrace.schemas import topics
from headrace.schemas.messages import ConsumerRecord
from headrace.schemas.parsing import InvalidValueError
from headrace.streams.engine import losses
from headrace.streams.limits import slot_records
from headrace.streams.worker import status_reports

JOB = b"labels-" + b"0" * 40
DEEP = b"[" * 5000 + b"]" * 5000
HOSTILE = (
    b"",
    b"null",
    b"\xff",
    b'{"\xff": 1',
    b'{"stage": "\xff", "replay": "\xff", "id": "\xff", "letter": "\xff", "worker": "\xff"}',
    b'{"a": ' + DEEP + b"}",
    b'{"type": "start", "worker": "w", "claim": 1, "at": "2026-01-01T00:00:00", "until": "2026-01-01T00:00:00"}',
    b'{"type": "claim", "worker": "w", "other": ' + DEEP + b"}",
)


def _slot(value: bytes) -> object:
    record = ConsumerRecord(topics.SLOTS.name, 0, 0, 0.0, JOB, value)
    with pytest.raises(InvalidValueError):
        slot_records.from_record(record)
    return None


READERS: dict[str, Callable[[bytes], Any]] = {
    "audit entry": lambda value: audit.read([value]),
    "control message": lambda value: audit.newest_control_message([value], "a"),
    "disposition": dispositions._decode,
    "loss": losses.from_value,
    "report": status_reports.read,
    "slot": _slot,
}


@pytest.mark.parametrize("reader", READERS)
def test_malformed_value_is_skipped(reader: str) -> None:
    assert [READERS[reader](value) or None for value in HOSTILE] == [None] * len(HOSTILE)
