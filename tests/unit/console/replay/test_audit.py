"""The audit log of replays."""

from __future__ import annotations

import msgspec
import pytest

from headrace.console.errors import CommandError
from headrace.console.replay.audit import (
    AuditEntry,
    ControlMessage,
    OffsetShift,
    control_message,
    find,
    message,
    newest_control_message,
    read,
)
from headrace.schemas import topics
from tests.support.records import NOW

ACTION = AuditEntry(
    "4f1c09ab", "rewind", "begun", "scan", "headrace.scan", "ada@host", "2026-03-14T15:09:26.000Z", "-2h"
)


def test_entry_round_trips() -> None:
    action = AuditEntry(
        **{
            **{name: getattr(ACTION, name) for name in ACTION.__struct_fields__},
            "reason": "clamd was broken",
            "shifts": (OffsetShift("media.uploaded", 0, None, 7, 0), OffsetShift("media.uploaded", 1, 9, 7, 2)),
        }
    )
    record = message(action)
    assert (record.topic, record.key) == (topics.AUDIT.name, b"4f1c09ab")
    assert read([record.value]) == {"4f1c09ab": action}


def test_newest_record_of_an_id_counts() -> None:
    done = ACTION.over("done", NOW, sent=3)
    assert read([message(ACTION).value, message(done).value]) == {"4f1c09ab": done}
    assert (done.state, done.ended, done.sent) == ("done", "2026-03-14T15:09:26.000Z", 3)


@pytest.mark.parametrize("junk", [None, b"", b"junk", b"{}", b'{"id": 1}'])
def test_ignores_values_that_are_not_entries(junk: bytes | None) -> None:
    assert list(read([junk, message(ACTION).value, junk])) == ["4f1c09ab"]


def test_finds_an_entry_by_id_prefix() -> None:
    other = AuditEntry("4f1d0000", "redrive", "done", "scan", "g", "ada", "2026", "all dead letters")
    known = {"4f1c09ab": ACTION, "4f1d0000": other}
    assert find(known, "4f1c") == ACTION
    with pytest.raises(CommandError, match="4f1 is ambiguous: 4f1c09ab or 4f1d0000"):
        find(known, "4f1")
    for prefix in ("9", ""):
        with pytest.raises(CommandError, match="headrace replay list"):
            find(known, prefix)


def test_stored_json_keeps_its_field_names() -> None:
    entry = AuditEntry("a", "rewind", "begun", "scan", "g", "ada", "2026", "-2h", reprocess=True)
    stored = msgspec.json.decode(message(entry).value or b"")
    assert (stored["what"], stored["asked"], stored["fresh"]) == ("rewind", "-2h", True)
    control = msgspec.json.decode(control_message(ControlMessage("pause", "a", "ada", "2026")).value or b"")
    assert control == {"order": "pause", "replay": "a", "by": "ada", "at": "2026"}


def test_newest_control_message_of_a_replay_counts() -> None:
    messages = [ControlMessage("pause", "a", "ada", "1"), ControlMessage("stop", "a", "ada", "2")]
    values = [control_message(each).value or b"" for each in (*messages, ControlMessage("pause", "b", "ada", "3"))]
    assert newest_control_message([*values, b"junk"], "a") == messages[1]
    assert newest_control_message(values, "c") is None
