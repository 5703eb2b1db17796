"""Tests of formatting a node's data folder."""

from __future__ import annotations

import base64
import os
import uuid
from pathlib import Path

import pytest

from headrace.sandbox.cluster.storage import BOOTSTRAP, PROPERTIES, format_folder, new_id
from headrace.sandbox.errors import SandboxError


def written(folder: Path) -> dict[str, str]:
    return dict(line.split("=", 1) for line in (folder / PROPERTIES).read_text("utf-8").splitlines())


def test_folder_has_the_ids_and_an_id_of_its_own(tmp_path: Path) -> None:
    cluster = new_id()
    for number in (1, 2):
        format_folder(tmp_path / str(number), number, cluster)
    first, second = written(tmp_path / "1"), written(tmp_path / "2")
    assert (first["version"], first["cluster.id"], first["node.id"]) == ("1", cluster, "1")
    assert (second["cluster.id"], second["node.id"]) == (cluster, "2")
    assert first["directory.id"] != second["directory.id"]
    assert (tmp_path / "1" / BOOTSTRAP.name).read_bytes() == BOOTSTRAP.read_bytes()
    assert {os.stat(tmp_path / "1" / name).st_mode & 0o077 for name in ("", PROPERTIES, BOOTSTRAP.name)} == {0}


def test_id_is_16_bytes_and_starts_with_no_dash(monkeypatch: pytest.MonkeyPatch) -> None:
    with_dash, without = bytes([0xF8] * 16), bytes([0x0F] * 16)
    drawn = iter([with_dash, without])
    monkeypatch.setattr(uuid, "uuid4", lambda: type("Drawn", (), {"bytes": next(drawn)}))
    assert base64.urlsafe_b64decode(f"{new_id()}==") == without


def test_keeps_a_formatted_folder(tmp_path: Path) -> None:
    format_folder(tmp_path, 1, new_id())
    (tmp_path / BOOTSTRAP.name).write_bytes(b"data of a cluster that ran")
    before = written(tmp_path)
    format_folder(tmp_path, 1, new_id())
    assert written(tmp_path) == before
    assert (tmp_path / BOOTSTRAP.name).read_bytes() == b"data of a cluster that ran"


def test_repeats_an_interrupted_format(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(*_arguments: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", killed)
        with pytest.raises(KeyboardInterrupt):
            format_folder(tmp_path, 1, new_id())
    assert not (tmp_path / PROPERTIES).exists()
    format_folder(tmp_path, 1, new_id())
    assert written(tmp_path)["node.id"] == "1"


def test_unwritable_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SandboxError, match=r"Kafka's data folder .*/file/log is not writable \(Not a directory\)"):
        format_folder(tmp_path / "file" / "log", 1, new_id())
