"""Run commands of the previous version of Headrace, built from git's history, beside those of the present one.

Both versions run with the same dependencies: those that the tests have installed.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec
import pytest

from headrace.sandbox.paths import user_folder
from tests.support.process import Headrace

ROOT = Path(__file__).parents[2]
DATA = ROOT / "tests" / "data" / "previous"
"""The commit of the previous version, and what this version has written."""
VERSION_FILE = DATA / "version.toml"
PROGRAM = "from headrace.console.app.main import main; main()"
CONTENTS = (".", ":(exclude)tests", ":(exclude)bench", ":(exclude)docs")


class PreviousVersion:
    """The previous version, unpacked in a folder that PYTHONPATH names."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def run(
        self, environment: Mapping[str, str], *arguments: str, seconds: float = 600.0
    ) -> subprocess.CompletedProcess[str]:
        """Run `headrace ARGUMENTS` to completion and return its output."""
        return subprocess.run(
            [*self._command, *arguments],
            env=self._environment(environment),
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
            timeout=seconds,
        )

    @contextlib.contextmanager
    def process(self, environment: Mapping[str, str], log: Path, *arguments: str) -> Iterator[Headrace]:
        """Run `headrace ARGUMENTS` for the duration of the block."""
        with log.open("ab") as output:
            started = subprocess.Popen(
                [*self._command, *arguments],
                env=self._environment(environment),
                cwd=self.folder,
                stdout=output,
                stderr=output,
            )
        running = Headrace(started, log)
        try:
            yield running
        finally:
            if running.process.poll() is None:
                running.kill()

    def program(self, file: Path) -> str:
        """Run a Python file, which must succeed, and return its output."""
        done = subprocess.run(
            [sys.executable, file],
            env=self._environment({}),
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    @property
    def _command(self) -> list[str]:
        return [sys.executable, "-c", PROGRAM]

    def _environment(self, environment: Mapping[str, str]) -> dict[str, str]:
        # The folder precedes the present version, which is installed; the working directory must not precede it.
        return {**os.environ, **environment, "PYTHONPATH": str(self.folder), "PYTHONSAFEPATH": "1"}


class Previous(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The previous version, and the changes of formats since that it is safe from, with the reason."""

    commit: str
    accepted: Mapping[str, str] = {}


def read_previous() -> Previous:
    """Read which version is the previous one."""
    return msgspec.toml.decode(VERSION_FILE.read_bytes(), type=Previous)


def previous_version() -> PreviousVersion:
    """Build the previous version, or return it from the cache. Skips the test in a clone without its commit."""
    commit = read_previous().commit
    if not _folder(commit).exists() and not _has(commit):
        pytest.skip(f"the previous version, commit {commit[:12]}, is not in this clone: git fetch --unshallow")
    return build_version(commit)


def build_version(commit: str) -> PreviousVersion:
    """Build the version of a commit, or return it from the cache."""
    folder = _folder(commit)
    if not folder.exists():
        _build(commit, folder)
    return PreviousVersion(folder)


def _folder(commit: str) -> Path:
    return user_folder("XDG_CACHE_HOME", ".cache") / "previous-version" / commit


def _has(commit: str) -> bool:
    git = shutil.which("git")
    command = [git or "", "-C", str(ROOT), "cat-file", "-e", f"{commit}^{{commit}}"]
    return git is not None and subprocess.run(command, check=False, capture_output=True).returncode == 0


def _build(commit: str, folder: Path) -> None:
    """Build the wheel of the commit offline, and unpack it. Several processes may do so at the same time."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as temporary:
        source, unpacked = Path(temporary) / "source", Path(temporary) / "unpacked"
        source.mkdir()
        archive = subprocess.run(
            ["git", "-C", ROOT, "archive", commit, "--", *CONTENTS], check=True, capture_output=True
        )
        subprocess.run(["tar", "-x", "-C", source], input=archive.stdout, check=True)
        pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-index", "--no-deps", "--no-build-isolation"]
        built = subprocess.run([*pip, "--wheel-dir", temporary, source], check=False, capture_output=True, text=True)
        assert built.returncode == 0, built.stderr
        [wheel] = Path(temporary).glob("*.whl")
        zipfile.ZipFile(wheel).extractall(unpacked)
        with contextlib.suppress(OSError):  # another process was faster
            unpacked.rename(folder)
    assert folder.exists()
