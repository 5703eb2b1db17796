"""A killed test run or worker leaves no processes."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

from headrace.sandbox.cluster import processes
from headrace.sandbox.cluster.lifetime import OWNERS, me
from tests.support import inner_run
from tests.support.process import wait_for

STARTS = """
import os, signal, subprocess, time

def test_starts():
    child = subprocess.Popen(["sleep", "600"], start_new_session=True)
    with open(os.environ["STARTED"], "w") as started:
        print(child.pid, os.getpid(), os.environ["XDG_STATE_HOME"], file=started, flush=True)
    {then}
"""
SIGKILL_ITSELF = "os.kill(os.getpid(), signal.SIGKILL)"
WAIT = "time.sleep(600)"


def test_killed_worker_leaves_no_processes(tmp_path: Path) -> None:
    inner = inner_run.write(tmp_path / "inner", test_starts=STARTS.format(then=SIGKILL_ITSELF))
    found = inner_run.run(inner, "-n", "1", "--dist", "loadfile", STARTED=str(tmp_path / "started"))
    assert "died in test_starts.py::test_starts" in found.stdout
    assert_all_ended(tmp_path / "started")


def test_killed_run_leaves_no_processes(tmp_path: Path) -> None:
    inner, started = inner_run.write(tmp_path / "inner", test_starts=STARTS.format(then=WAIT)), tmp_path / "started"
    run = subprocess.Popen(
        inner_run.command(inner, "-n", "2", "--dist", "loadfile"),
        cwd=inner_run.ROOT,
        env={**os.environ, "STARTED": str(started)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    wait_for(lambda: started.exists() and started.read_text().endswith("\n"), "the test's child")
    run.send_signal(signal.SIGKILL)
    run.wait(50)
    assert_all_ended(started)


def assert_all_ended(started: Path) -> None:
    """Check that the processes of a test, the worker and its folder are gone."""
    child, worker, state = started.read_text().split()
    wait_for(lambda: not processes.started(int(child)), "the end of what the test started")
    wait_for(lambda: not processes.started(int(worker)), "the end of the worker")
    wait_for(lambda: not Path(state).parent.exists(), "the worker's folder to be removed")


def test_run_ends_processes_of_an_earlier_run(tmp_path: Path) -> None:
    inner = inner_run.write(tmp_path / "inner", test_fine="def test_fine(): pass")
    bare = {name: value for name, value in os.environ.items() if name != OWNERS}
    dead = f"{os.getpid()}-1-{me().space}"
    left, kept, of_this_run = (
        subprocess.Popen(["sleep", "600"], env=bare | more) for more in ({OWNERS: dead}, {}, {OWNERS: me().name})
    )
    try:
        found = inner_run.run(inner)
        assert found.returncode == 0, found.stdout
        assert left.wait(300) == -signal.SIGTERM  # by this run, or by one that began meanwhile
        assert (kept.poll(), of_this_run.poll()) == (None, None)
    finally:
        for process in (left, kept, of_this_run):
            process.kill()
            process.wait()
