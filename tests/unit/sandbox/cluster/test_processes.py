"""Tests of starting, inspecting and stopping processes."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from headrace.sandbox.cluster.processes import (
    ProcessCommand,
    is_alive,
    last_lines,
    resident_bytes,
    spawn,
    stop,
)
from headrace.sandbox.cluster.state_file import RunningComponent

SLEEP = "import time; print('started', flush=True); time.sleep(60)"
STUBBORN = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {SLEEP}"

Start = Callable[[str], RunningComponent]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    started: list[RunningComponent] = []

    def run(code: str) -> RunningComponent:
        command = ProcessCommand((sys.executable, "-c", code), tmp_path, {"GREETING": "hello"})
        started.append(spawn("part", command, 0, tmp_path / "logs" / f"{len(started)}.log"))
        return started[-1]

    yield run
    stop(started, timeout=0.1)


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 50
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_process_is_alive_until_it_stops(start: Start) -> None:
    part = start(SLEEP)
    assert is_alive(part)
    assert resident_bytes(part) > 0
    stop([part])
    assert not is_alive(part)
    assert resident_bytes(part) == 0


def test_process_has_its_log_variables_and_folder(start: Start, tmp_path: Path) -> None:
    part = start("import os, sys; print(os.environ['GREETING']); print(os.getcwd(), file=sys.stderr)")
    until(lambda: not is_alive(part))
    assert sorted(last_lines(part.log)) == sorted(["hello", str(tmp_path)])


def test_process_has_its_own_session(start: Start) -> None:
    part = start(SLEEP)
    assert os.getsid(part.pid) == part.pid != os.getsid(0)


def test_zombie_is_not_alive(start: Start) -> None:
    part = start(SLEEP)
    os.kill(part.pid, signal.SIGKILL)
    until(lambda: psutil.Process(part.pid).status() == psutil.STATUS_ZOMBIE)
    assert not is_alive(part)


def test_process_with_a_reused_id_is_not_stopped(start: Start) -> None:
    later = start(SLEEP)
    earlier = replace(later, started=later.started - 60)
    assert not is_alive(earlier)
    stop([earlier], timeout=0.1)
    assert is_alive(later)


def test_kills_a_process_that_ignores_sigterm(start: Start) -> None:
    part = start(STUBBORN)
    until(lambda: "started" in last_lines(part.log))
    stop([part], timeout=0.2)
    assert not is_alive(part)


def test_stopping_an_ended_process_does_nothing(start: Start) -> None:
    part = start("")
    until(lambda: not is_alive(part))
    stop([part])
    assert not is_alive(part)


def test_last_lines_omit_stack_frames(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("first\nERROR: no space left\n\tat java.io.Thing\n\tat kafka.Kafka\n\nbye\n")
    assert last_lines(log, 2) == ["ERROR: no space left", "bye"]
    assert last_lines(tmp_path / "none") == []
