"""Tests of processes that import modules before the cluster is up."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from headrace.sandbox.cluster import processes
from headrace.sandbox.cluster.processes import ProcessCommand
from headrace.sandbox.cluster.state_file import RunningComponent, read
from headrace.sandbox.demo import prestart, run
from headrace.sandbox.demo.prestart import MODULES, Prestarted, prestarted
from tests.support.process import wait_for


def ended(part: RunningComponent) -> bool:
    """Whether the process has ended; it is a child of this one."""
    return not processes.is_alive(part)


def test_runs_its_command_and_unused_ones_end_with_the_block(tmp_path: Path) -> None:
    with prestarted(tmp_path, ()) as waiting:
        assert set(waiting) == set(MODULES)
        environment = {**os.environ, "HEADRACE_PIPELINE": str(tmp_path / "given-later.toml")}
        part = waiting["worker"].run(("pipeline", "show"), environment)
        wait_for(lambda: ended(part), "the end of the command")
        assert not ended(waiting["bridge"].part)
    assert "given-later.toml" in part.log.read_text("utf-8")
    wait_for(lambda: ended(waiting["bridge"].part), "the end of the unused process")
    assert waiting["bridge"].part.log.read_text("utf-8") == ""


def test_running_components_are_not_started(tmp_path: Path) -> None:
    with prestarted(tmp_path, MODULES.keys()) as waiting:
        assert waiting == {}


def test_a_killed_process_is_reported_by_the_demo_and_not_here(tmp_path: Path) -> None:
    with prestarted(tmp_path, {"worker"}) as waiting:
        part = waiting["bridge"].part
        os.kill(part.pid, signal.SIGKILL)
        wait_for(lambda: ended(part), "the end of the process")
        assert waiting["bridge"].run(("bridge",), os.environ) == part


@pytest.fixture
def started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """The commands that were started. Each is represented by this process."""
    commands: list[tuple[str, ...]] = []

    def spawn(name: str, command: ProcessCommand, port: int, log: Path) -> RunningComponent:
        commands.append(command.argv[3:])
        return this_process(name, log)

    monkeypatch.setattr(processes, "spawn", spawn)
    return commands


def this_process(name: str, log: Path) -> RunningComponent:
    return RunningComponent(name, os.getpid(), psutil.Process().create_time(), 0, log)


def test_starts_what_a_first_result_needs_then_the_projector(tmp_path: Path, started: list[tuple[str, ...]]) -> None:
    with (tmp_path / "pipe").open("w", encoding="utf-8") as pipe:
        worker = Prestarted(this_process("worker", tmp_path), pipe)
        parts = run.start_pipeline(tmp_path, names=run.FIRST, waiting={"worker": worker})
    assert [part.name for part in parts] == ["bridge", "worker"]
    assert started == [("headrace.console", "bridge")]
    assert '"arguments": ["worker", "--all"]' in (tmp_path / "pipe").read_text("utf-8")
    assert [part.name for part in run.start_pipeline(tmp_path)] == ["bridge", "worker", "views"]
    assert started[1:] == [("headrace.console", "views", "run")]
    assert set(read(tmp_path).parts) == {"bridge", "worker", "views"}


def test_imports_name_existing_modules() -> None:
    for names in prestart.MODULES.values():
        for name in names:
            assert Path(__file__).parents[4].joinpath(*name.split(".")).with_suffix(".py").exists(), name


def test_own_age_includes_the_start_of_the_interpreter() -> None:
    code = (
        "import time; time.sleep(0.5); began = time.time()\n"
        "from headrace.sandbox.cluster.processes import own_age; print(own_age() - (time.time() - began))"
    )
    began = time.monotonic()
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert 0.5 < float(output) < time.monotonic() - began
