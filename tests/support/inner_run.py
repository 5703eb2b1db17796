"""A test run inside a test: files that are written for it, run as `make test` runs ours."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
SECONDS = 90.0
"""A run of a few lines; it is ended after so long, and the test fails."""


def write(folder: Path, **modules: str) -> Path:
    """Write test modules into a folder."""
    folder.mkdir()
    for name, code in modules.items():
        (folder / f"{name}.py").write_text(code, "utf-8")
    return folder


def command(folder: Path, *options: str) -> list[str]:
    """The command line that runs a folder's tests under the settings and the conftest.py of this project."""
    own = ("-c", str(ROOT / "pyproject.toml"), "--rootdir", str(folder), "-p", "tests.conftest")
    return [sys.executable, "-m", "pytest", *own, "-p", "no:cacheprovider", *options, str(folder)]


def run(folder: Path, *options: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a folder's tests to their end, in our environment and these variables."""
    return subprocess.run(
        command(folder, *options),
        cwd=ROOT,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
