"""The keys that files get."""

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
def test_a_key_is_the_prefix_and_the_files_name(files: list[Path], prefix: str, folder: str) -> None:
    assert keys_of(files, prefix) == [f"{folder}one.jpg", f"{folder}two + three.mp4"]


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="no file"):
        keys_of([tmp_path], "")


def test_two_files_that_would_become_one_object_are_refused(files: list[Path], tmp_path: Path) -> None:
    same = tmp_path / "one.jpg"
    same.write_bytes(b"y")
    with pytest.raises(CommandError, match=r"several files would become one\.jpg"):
        keys_of([*files, same], "")
