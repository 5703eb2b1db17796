"""Tests of the state file."""

from __future__ import annotations

import stat
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from headrace.sandbox.cluster.state_file import FILE, ClusterState, RunningComponent, locked, read, write
from headrace.sandbox.errors import SandboxError

KAFKA = RunningComponent("kafka", 4711, 1_700_000_000.25, 21_000, Path("/data/logs/kafka.log"))
STATE = ClusterState({"kafka": KAFKA}, {"kafka": 21_000, "kafka-controller": 21_001})


def test_reads_what_was_written(tmp_path: Path) -> None:
    write(tmp_path / "deep" / "data", STATE)
    assert read(tmp_path / "deep" / "data") == STATE


def test_new_folder_has_an_empty_state(tmp_path: Path) -> None:
    state = read(tmp_path)
    assert (state.parts, state.ports) == ({}, {})


@pytest.mark.parametrize("text", ["", "{", "[]", '{"parts": [{"name": "kafka"}], "ports": {}}'])
def test_error_names_a_damaged_file(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE).write_text(text)
    with pytest.raises(SandboxError, match=r"state\.json is damaged"):
        read(tmp_path)


def test_replaces_the_state_without_other_files(tmp_path: Path) -> None:
    write(tmp_path, STATE)
    write(tmp_path, replace(STATE, parts={}))
    assert read(tmp_path) == replace(STATE, parts={})
    assert [file.name for file in tmp_path.iterdir()] == [FILE]


def test_only_the_user_can_read_the_state(tmp_path: Path) -> None:
    (tmp_path / f"{FILE}.new").touch(0o644)  # left by a killed command
    write(tmp_path, STATE)
    write(tmp_path / "new", STATE)
    assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o700


def test_state_of_an_earlier_release_gets_an_access_key(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text('{"parts": [], "ports": {"kafka": 1}}')
    assert read(tmp_path).ports == {"kafka": 1}
    assert read(tmp_path).access.secret


def test_lock_waits_for_another_command(tmp_path: Path) -> None:
    order: list[str] = []

    def second() -> None:
        with locked(tmp_path):
            order.append("second")

    with locked(tmp_path):
        thread = threading.Thread(target=second)
        thread.start()
        thread.join(0.2)
        order.append("first")
    thread.join(50)
    assert order == ["first", "second"]


def test_error_names_an_unusable_folder(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SandboxError, match="choose another folder with --data"), locked(tmp_path / "file" / "data"):
        pytest.fail("it was locked")
