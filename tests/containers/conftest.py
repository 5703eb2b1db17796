"""Skips what needs an engine where there is none, with the reason."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.containers.engine import missing

HERE = Path(__file__).parent


WANTED = "HEADRACE_TEST_CONTAINERS"


def _why_not() -> str:
    return missing() if os.environ.get(WANTED) else "`make test-containers` runs the tests in containers"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave out the tests of this folder where they cannot run."""
    ours = [item for item in items if item.path.is_relative_to(HERE)]
    # Its own cleaner is an image that may not be there; the tests clean up themselves.
    os.environ.setdefault("TESTCONTAINERS_RYUK_DISABLED", "true")
    if ours and (why := _why_not()):
        for item in ours:
            item.add_marker(pytest.mark.skip(reason=why))
