"""Tests of the settings and the stored state of the local AWS."""

from __future__ import annotations

import json
import stat
from pathlib import Path

from headrace.sandbox.access.keys import generate
from headrace.sandbox.cluster.ministack import prepare

KEYS = generate()


def test_stored_queues_move_to_a_new_port(tmp_path: Path) -> None:
    kept = tmp_path / "state" / "sqs.json"
    kept.parent.mkdir()
    kept.write_text(json.dumps({"http://127.0.0.1:20001/000000000000/headrace-events": ["a message"], "n": 20001}))
    prepare(tmp_path, 20002, KEYS)
    assert json.loads(kept.read_text()) == {
        "http://127.0.0.1:20002/000000000000/headrace-events": ["a message"],
        "n": 20001,
    }


def test_listens_on_localhost_and_writes_to_its_folder(tmp_path: Path) -> None:
    command = prepare(tmp_path / "aws", 20002, KEYS)
    assert command.variables["BIND_HOST"] == "127.0.0.1"
    assert command.variables["GATEWAY_PORT"] == "20002"
    folders = [value for name, value in command.variables.items() if name.endswith("DIR")]
    assert len(folders) == 3
    assert all(Path(folder).is_relative_to(tmp_path / "aws") for folder in folders)
    assert stat.S_IMODE((tmp_path / "aws").stat().st_mode) == 0o700


def test_access_key_is_not_on_the_command_line(tmp_path: Path) -> None:
    """Every user of a machine can read command lines."""
    command = prepare(tmp_path / "aws", 20002, KEYS)
    assert not set(KEYS) & set(command.argv)
