"""Who replayed what, when and why."""

from __future__ import annotations

import pytest

from headrace.console.errors import CommandError
from headrace.console.replay.audit import AuditEntry, OffsetShift, find, message, read
from headrace.schemas import topics
from tests.support.records import NOW

ACTION = AuditEntry(
    "4f1c09ab", "rewind", "begun", "scan", "headrace.scan", "ada@host", "2026-03-14T15:09:26.000Z", "-2h"
)


def test_what_is_written_is_read_again() -> None:
    action = AuditEntry(
        **{
            **{name: getattr(ACTION, name) for name in ACTION.__struct_fields__},
            "reason": "clamd was broken",
            "shifts": (OffsetShift("media.uploaded", 0, None, 7, 0), OffsetShift("media.uploaded", 1, 9, 7, 2)),
        }
    )
    said = message(action)
    assert (said.topic, said.key) == (topics.AUDIT.name, b"4f1c09ab")
    assert read([said.value]) == {"4f1c09ab": action}


def test_the_newest_record_of_an_action_counts() -> None:
    done = ACTION.over("done", NOW, sent=3)
    assert read([message(ACTION).value, message(done).value]) == {"4f1c09ab": done}
    assert (done.state, done.ended, done.sent) == ("done", "2026-03-14T15:09:26.000Z", 3)


@pytest.mark.parametrize("junk", [None, b"", b"junk", b"{}", b'{"id": 1}'])
def test_what_is_no_action_is_passed_over(junk: bytes | None) -> None:
    assert list(read([junk, message(ACTION).value, junk])) == ["4f1c09ab"]


def test_an_action_is_found_by_the_beginning_of_its_id() -> None:
    other = AuditEntry("4f1d0000", "redrive", "done", "scan", "g", "ada", "2026", "every letter")
    known = {"4f1c09ab": ACTION, "4f1d0000": other}
    assert find(known, "4f1c") == ACTION
    with pytest.raises(CommandError, match="4f1 may be 4f1c09ab or 4f1d0000"):
        find(known, "4f1")
    for wanted in ("9", ""):
        with pytest.raises(CommandError, match="headrace replay list"):
            find(known, wanted)
