"""Values that a thread reads: what requests get meanwhile, outages with their begin, intervals."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, MutableMapping
from typing import Any

import pytest

from headrace.console.errors import UnavailableError
from headrace.console.web import background_value
from headrace.console.web.background_value import BackgroundValue, Latest, ReadSchedule
from headrace.console.web.failures import UNEXPECTED
from tests.support.process import wait_for

OFTEN = ReadSchedule(0.001, 0.001, "it does not answer")
Begin = Callable[..., BackgroundValue[int]]


@pytest.fixture
def begin() -> Iterator[Begin]:
    """Create values that end with the test."""
    created: list[BackgroundValue[int]] = []

    def create(read: Callable[[], int], schedule: ReadSchedule = OFTEN) -> BackgroundValue[int]:
        created.append(BackgroundValue(read, schedule))
        return created[-1]

    yield create
    for each in created:
        each.stop()


class ScriptedReads:
    """Returns `value`, or raises `error`."""

    def __init__(self) -> None:
        self.value = 1
        self.error: Exception | None = None
        self.count = 0

    def __call__(self) -> int:
        self.count += 1
        if self.error is not None:
            raise self.error
        return self.value


def test_first_request_does_not_wait_and_later_ones_get_the_newest_value(begin: Begin) -> None:
    release, reads = threading.Event(), ScriptedReads()

    def read() -> int:
        assert release.wait(60)
        return reads()

    value = begin(read)
    assert value.latest() == Latest()
    with pytest.raises(UnavailableError, match="is being read"):
        value.latest().current()
    release.set()
    wait_for(lambda: value.latest().value == 1, "the first read")
    reads.value = 2
    wait_for(lambda: value.latest().current() == 2, "a newer value")


def test_outage_keeps_the_last_value_and_says_since_when(begin: Begin) -> None:
    reads = ScriptedReads()
    value = begin(reads)
    wait_for(lambda: value.latest().value == 1, "a read")
    reads.error = UnavailableError("the views are locked")
    wait_for(lambda: value.latest().problem == "the views are locked", "the outage")
    first = value.latest()
    assert first.value == 1
    assert first.at is not None
    assert first.since is not None
    assert first.at <= first.since <= time.time()
    seen = reads.count
    wait_for(lambda: reads.count > seen + 2, "more failed reads")
    assert value.latest().since == first.since, "the begin of the outage stays"
    with pytest.raises(UnavailableError, match=r"locked \(since 2"):
        value.latest().current()
    reads.error = None
    wait_for(lambda: value.latest().problem == "", "the end of the outage")
    assert value.latest().since is None


def test_unexpected_error_is_logged_and_reads_go_on(begin: Begin, logged: list[MutableMapping[str, Any]]) -> None:
    reads = ScriptedReads()
    reads.error = ZeroDivisionError("internal")
    value = begin(reads)
    wait_for(lambda: value.latest().problem == UNEXPECTED, "the problem")
    assert "background_read_failed" in [line["event"] for line in logged]
    reads.error = None
    wait_for(lambda: value.latest().value == 1, "a read")


def test_read_that_does_not_end_is_a_problem(begin: Begin, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background_value, "PATIENCE_SECONDS", 0.0)
    release = threading.Event()
    value = begin(lambda: int(release.wait(60)))
    wait_for(lambda: value.latest().problem == "it does not answer", "the problem")
    assert value.latest().since is not None
    release.set()
    wait_for(lambda: value.latest().value == 1, "the end of the read")


def test_reads_stop_while_no_page_asks(begin: Begin, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background_value, "ASKED_SECONDS", 0.0)
    reads = ScriptedReads()
    value = begin(reads, ReadSchedule(0.0, None, ""))
    value.start()
    wait_for(lambda: reads.count == 1, "the first read")
    monkeypatch.setattr(background_value, "ASKED_SECONDS", 3600.0)
    value.latest()
    wait_for(lambda: reads.count > 1, "a read for the request")


def test_stopped_value_is_not_read(begin: Begin) -> None:
    reads = ScriptedReads()
    value = begin(reads)
    value.stop()
    assert value.latest() == Latest()
    assert reads.count == 0
