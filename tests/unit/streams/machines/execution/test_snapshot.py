"""Snapshots: pointers to large payloads, and snapshots that cannot be read."""

from __future__ import annotations

import json

import pytest

from headrace.streams.machines.execution.snapshot import SnapshotError, pointers, read_snapshot, take_snapshot
from tests.unit.streams.machines.execution.driver import Driver, machine, task

LARGE = {"big": 2**70, "half": "\ud800", "text": "x" * 1000}
EXECUTION = Driver(machine(T=task())).start(LARGE).execution


def test_large_payload_is_stored_once_under_its_digest() -> None:
    snapshot, payloads = take_snapshot(EXECUTION, 500)
    (pointer,) = pointers(snapshot)
    assert payloads.keys() == {pointer.sha256}
    assert len(payloads[pointer.sha256]) == pointer.size
    assert b"xxx" not in snapshot
    assert read_snapshot(snapshot, payloads.__getitem__) == EXECUTION


def test_shared_payload_is_inline_once() -> None:
    snapshot, payloads = take_snapshot(EXECUTION, 5000)
    assert not payloads
    assert snapshot.count(b"x" * 1000) == 1
    assert read_snapshot(snapshot, payloads.__getitem__) == EXECUTION


def test_payload_with_other_bytes_is_refused() -> None:
    snapshot, _ = take_snapshot(EXECUTION, 500)
    with pytest.raises(SnapshotError, match="other bytes"):
        read_snapshot(snapshot, lambda _: b"{}")


def test_unknown_schema_names_the_fix() -> None:
    snapshot, payloads = take_snapshot(EXECUTION, 5000)
    newer = json.dumps(json.loads(snapshot) | {"schema": 99}).encode()
    with pytest.raises(SnapshotError, match="schema 99, this version reads 1; upgrade headrace"):
        read_snapshot(newer, payloads.__getitem__)


@pytest.mark.parametrize("snapshot", [b"", b"{}", b'{"schema":1,"execution":{},"payloads":[]}', b"\xff"])
def test_malformed_snapshot_is_refused(snapshot: bytes) -> None:
    with pytest.raises(SnapshotError, match="malformed"):
        read_snapshot(snapshot, lambda _: b"")
