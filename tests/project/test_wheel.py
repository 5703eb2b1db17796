"""The wheel adds one importable name and holds each data file once."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = ("schemas", "connectors", "streams", "console", "sandbox")
DATA = {
    ".LICENSE",
    ".avsc",
    ".css",
    ".flac",
    ".html",
    ".jpg",
    ".js",
    ".json",
    ".mp4",
    ".srt",
    ".svg",
    ".toml",
    ".typed",
}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Build the wheel offline from a copy of the source, and return the names in it."""
    source, target = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for folder in ("headrace", *FOLDERS):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / folder, source / folder, symlinks=True, ignore=ignored)
    for file in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / file, source)
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-index", "--no-deps", "--no-build-isolation"]
    result = subprocess.run([*command, "--wheel-dir", target, source], check=False, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    [built] = target.glob("*.whl")
    return zipfile.ZipFile(built).namelist()


def test_wheel_adds_only_headrace(wheel: list[str]) -> None:
    top = {name.partition("/")[0] for name in wheel}
    assert {name for name in top if not name.endswith(".dist-info")} == {"headrace"}
    assert len(top) == 2


def test_wheel_holds_every_module_and_data_file_once(wheel: list[str]) -> None:
    source = {
        f"headrace/{path.relative_to(ROOT).as_posix()}"
        for folder in FOLDERS
        for path in (ROOT / folder).rglob("*")
        if path.suffix in {".py", *DATA}
    }
    packaged = [name for name in wheel if Path(name).suffix in {".py", *DATA}]
    assert set(packaged) == source | {"headrace/__init__.py", "headrace/py.typed"}
    assert set(Counter(packaged).values()) == {1}
