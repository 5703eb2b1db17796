"""Run generated test files in a pytest subprocess with this project's configuration."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
SECONDS = 450.0
"""Timeout of a run."""


def write(folder: Path, **modules: str) -> Path:
    """Write test modules into a folder."""
    folder.mkdir()
    for name, code in modules.items():
        (folder / f"{name}.py").write_text(code, "utf-8")
    return folder


def command(folder: Path, *options: str) -> list[str]:
    """Return the pytest command line for a folder, with this project's settings and conftest.py."""
    own = ("-c", str(ROOT / "pyproject.toml"), "--rootdir", str(folder), "-p", "tests.conftest")
    return [sys.executable, "-m", "pytest", *own, "-p", "no:cacheprovider", *options, str(folder)]


def run(folder: Path, *options: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the tests of a folder with additional environment variables."""
    return subprocess.run(
        command(folder, *options),
        cwd=ROOT,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
