"""Real processes: started, watched, ended; never somebody else's."""

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
    stop(started, patience=0.1)


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_process_is_alive_from_its_start_to_its_end(start: Start) -> None:
    part = start(SLEEP)
    assert is_alive(part)
    assert resident_bytes(part) > 0
    stop([part])
    assert not is_alive(part)
    assert resident_bytes(part) == 0


def test_what_it_writes_is_in_its_log_and_its_variables_and_folder_are_its_own(start: Start, tmp_path: Path) -> None:
    part = start("import os, sys; print(os.environ['GREETING']); print(os.getcwd(), file=sys.stderr)")
    until(lambda: not is_alive(part))
    assert sorted(last_lines(part.log)) == sorted(["hello", str(tmp_path)])


def test_it_has_a_session_of_its_own_so_that_ctrl_c_does_not_reach_it(start: Start) -> None:
    part = start(SLEEP)
    assert os.getsid(part.pid) == part.pid != os.getsid(0)


def test_one_that_was_killed_and_not_yet_collected_counts_as_gone(start: Start) -> None:
    part = start(SLEEP)
    os.kill(part.pid, signal.SIGKILL)
    until(lambda: psutil.Process(part.pid).status() == psutil.STATUS_ZOMBIE)
    assert not is_alive(part)


def test_a_later_process_with_the_same_id_is_left_alone(start: Start) -> None:
    later = start(SLEEP)
    earlier = replace(later, started=later.started - 60)
    assert not is_alive(earlier)
    stop([earlier], patience=0.1)
    assert is_alive(later)


def test_one_that_will_not_end_is_ended(start: Start) -> None:
    part = start(STUBBORN)
    until(lambda: "started" in last_lines(part.log))
    stop([part], patience=0.2)
    assert not is_alive(part)


def test_stopping_what_is_gone_does_nothing(start: Start) -> None:
    part = start("")
    until(lambda: not is_alive(part))
    stop([part])
    assert not is_alive(part)


def test_the_end_of_a_log_leaves_out_the_frames_of_a_stack_trace(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("first\nERROR: no space left\n\tat java.io.Thing\n\tat kafka.Kafka\n\nbye\n")
    assert last_lines(log, 2) == ["ERROR: no space left", "bye"]
    assert last_lines(tmp_path / "none") == []
