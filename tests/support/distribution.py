"""Distribute test files over the processes of pytest-xdist, so that waiting and computing files run side by side.

Files that start a cluster or a browser wait for most of their time. Unit tests keep a core busy. In the order of
their names the former run first and leave the cores idle, then the latter compete for them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

WAITING = ("tests/system/", "tests/browser/", "tests/chaos/")
"""Folders of the files that wait."""

LONGEST = (
    "tests/system/test_demo.py",
    "tests/browser/test_console.py",
    "tests/chaos/test_machine_chaos.py",
    "tests/chaos/test_chaos.py",
    "tests/system/test_hostile_output.py",
    "tests/system/test_job_quotas.py",
    "tests/system/test_machine_sandbox.py",
    "tests/system/test_offset_reset.py",
    "tests/system/test_views.py",
)
"""The files that take a minute or more, the longest ones first: one of them at the end would be waited for."""


def next_file(files: Iterable[str], computing_first: bool) -> str:
    """Return the file to run next: the longest one of the wanted kind, else the first in the order of collection."""
    return min(files, key=lambda file: (file.startswith(WAITING) == computing_first, _rank(file)))


def _rank(file: str) -> int:
    return LONGEST.index(file) if file in LONGEST else len(LONGEST)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> object | None:
    """Replace the scheduler of `--dist loadfile`: one process prefers computing files, the others waiting ones."""
    if config.getvalue("dist") != "loadfile":
        return None

    from xdist.scheduler import LoadFileScheduling  # type: ignore[import-untyped]

    class MixedScheduling(LoadFileScheduling):  # type: ignore[misc]
        def _assign_work_unit(self, node: Any) -> None:
            computing_first = len(self.nodes) > 1 and node is self.nodes[-1]
            self.workqueue.move_to_end(next_file(self.workqueue, computing_first), last=False)
            super()._assign_work_unit(node)

    return MixedScheduling(config, log)
