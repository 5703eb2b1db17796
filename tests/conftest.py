"""Settings of the whole test run."""

from __future__ import annotations

import gc
import logging
import signal
import sys
from collections.abc import Iterator

import pytest
from hypothesis import settings

from headrace.sandbox.cluster import lifetime
from tests.support import isolation, service_models
from tests.support.distribution import pytest_xdist_make_scheduler
from tests.support.emulators import select_emulators
from tests.support.lost_worker import pytest_testnodedown, pytest_testnodeready

__all__ = ["pytest_testnodedown", "pytest_testnodeready", "pytest_xdist_make_scheduler"]  # hooks of pytest

lifetime.end_children_with_me(isolation.settle())

# How long one example takes says something about the machine, and nothing about the code. `make fuzz` runs millions.
settings.register_profile("headrace", deadline=None, max_examples=40)
settings.load_profile("headrace")

# A shell that runs the tests in the background has them ignore Ctrl-C, and their children would inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_configure(config: pytest.Config) -> None:
    """End what an earlier run left, where it was killed together with what should have done that."""
    if not hasattr(config, "workerinput"):
        for line in lifetime.end_left_behind():
            sys.stderr.write(f"ended what an earlier run left: {line[:100]}\n")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Choose the tests that run on moto."""
    select_emulators(config, items)


def pytest_collection_finish() -> None:
    """Share what tests parse, and keep modules and collected tests out of every later garbage collection."""
    service_models.parse_once()
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def root_log_level() -> Iterator[None]:
    """Restore the level of the root logger, which a command sets for its process."""
    level = logging.getLogger().level
    yield
    logging.getLogger().setLevel(level)
