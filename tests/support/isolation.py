"""Isolate tests from the user's sandbox, settings and AWS account; only the download cache is shared."""

from __future__ import annotations

import atexit
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

PREFIX = "headrace-test-"

USERS = ("HEADRACE_", "AWS_")
ABOUT_TESTS = "HEADRACE_TEST_"
"""Prefix of the variables that configure tests; these are kept."""


def own_folder() -> Path:
    """Return the folder of this process. Its path is short, because socket paths have a length limit."""
    return _folders[-1]


_folders: list[Path] = []


_cluster: dict[str, str] = {}


def use_cluster(variables: Mapping[str, str]) -> None:
    """Point this process and its children to the cluster of the session."""
    _cluster.update(variables)
    os.environ.update(variables)


@contextmanager
def without_cluster() -> Iterator[None]:
    """Hide the cluster of the session, which system tests of the same process have started."""
    hidden = {name: value for name, value in _cluster.items() if os.environ.get(name) == value}
    for name in hidden:
        del os.environ[name]
    try:
        yield
    finally:
        os.environ.update(hidden)


def settle() -> Path:
    """Create a temporary folder and point the environment of this process and its children to it.

    Call it before the environment is read. The folder is deleted at exit. XDG_CACHE_HOME is kept, so that Kafka's
    jars are downloaded only once.
    """
    folder = Path(tempfile.mkdtemp(prefix=PREFIX))
    _folders.append(folder)
    atexit.register(_remove, folder, os.getpid())
    for name in [name for name in os.environ if name.startswith(USERS) and not name.startswith(ABOUT_TESTS)]:
        del os.environ[name]
    sys.dont_write_bytecode = False  # else each of the processes that tests start compiles what it imports
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    os.environ |= {
        "XDG_STATE_HOME": str(folder / "state"),
        "AWS_CONFIG_FILE": str(folder / "aws" / "config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(folder / "aws" / "credentials"),
    }
    return folder


def _remove(folder: Path, pid: int) -> None:
    if os.getpid() == pid:  # forked children run this, too
        shutil.rmtree(folder, ignore_errors=True)
