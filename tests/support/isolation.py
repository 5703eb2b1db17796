"""What tests see of the user who runs them: no sandbox, no settings, no account; only what was downloaded is shared."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from pathlib import Path

PREFIX = "headrace-test-"

USERS = ("HEADRACE_", "AWS_")
ABOUT_TESTS = "HEADRACE_TEST_"
"""Variables that say what to test; these stay."""


def own_folder() -> Path:
    """The folder of this process; its path is short, because that of a socket in it may not be long."""
    return _folders[-1]


_folders: list[Path] = []


def settle() -> Path:
    """Give this process and its children surroundings of their own, in a new folder that goes when the process ends.

    To be called before anything reads the environment. XDG_CACHE_HOME stays: Kafka's jars are fetched once for all.
    """
    folder = Path(tempfile.mkdtemp(prefix=PREFIX))
    _folders.append(folder)
    atexit.register(_remove, folder, os.getpid())
    for name in [name for name in os.environ if name.startswith(USERS) and not name.startswith(ABOUT_TESTS)]:
        del os.environ[name]
    os.environ |= {
        "XDG_STATE_HOME": str(folder / "state"),
        "AWS_CONFIG_FILE": str(folder / "aws" / "config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(folder / "aws" / "credentials"),
    }
    return folder


def _remove(folder: Path, pid: int) -> None:
    if os.getpid() == pid:  # a child that was forked runs this, too
        shutil.rmtree(folder, ignore_errors=True)
