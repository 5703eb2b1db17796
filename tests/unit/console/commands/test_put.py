"""Object keys of uploaded files."""

from __future__ import annotations

from pathlib import Path

import pytest

from headrace.console.commands.put import keys_of
from headrace.console.errors import CommandError


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    made = [tmp_path / "a" / "one.jpg", tmp_path / "b" / "two + three.mp4"]
    for path in made:
        path.parent.mkdir()
        path.write_bytes(b"x")
    return made


@pytest.mark.parametrize(("prefix", "folder"), [("", ""), ("in", "in/"), ("in/", "in/"), ("a/b", "a/b/")])
def test_key_is_prefix_and_file_name(files: list[Path], prefix: str, folder: str) -> None:
    assert keys_of(files, prefix) == [f"{folder}one.jpg", f"{folder}two + three.mp4"]


def test_rejects_folders(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="no file"):
        keys_of([tmp_path], "")


def test_rejects_files_with_the_same_key(files: list[Path], tmp_path: Path) -> None:
    same = tmp_path / "one.jpg"
    same.write_bytes(b"y")
    with pytest.raises(CommandError, match=r"several files would become one\.jpg"):
        keys_of([*files, same], "")
