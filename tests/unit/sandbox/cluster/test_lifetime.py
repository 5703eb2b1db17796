"""Tests that the children of a process stop with it, and that other processes do not."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from headrace.sandbox.cluster import lifetime, processes
from headrace.sandbox.cluster.lifetime import OWNERS, Owner, end_left_behind, me, named
from tests.support.process import wait_for

SLEEP = "import time; print('started', flush=True); time.sleep(600)"
STUBBORN = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {SLEEP}"

OWNER = """
import os, signal, subprocess, sys, time
from pathlib import Path
from headrace.sandbox.cluster.lifetime import end_children_with_me

folder = Path(sys.argv[1])
end_children_with_me(folder / "removed")
end_children_with_me()

def start(code, **options):
    child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, **options)
    child.stdout.readline()
    return child.pid

{starts}
(folder / "children").write_text(" ".join(map(str, children)))
os.rename(folder / "children", folder / "ready")
{end}
"""
PARENT = f"""
import subprocess, sys
print(subprocess.Popen([sys.executable, "-c", {SLEEP!r}], stdout=subprocess.DEVNULL).pid, flush=True)
sys.stdin.read()
"""
CHILDREN = f"""
between = subprocess.Popen([sys.executable, "-c", {PARENT!r}], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
children = [
    start({SLEEP!r}),
    start({SLEEP!r}, start_new_session=True),
    start({STUBBORN!r}),
    between.pid,
    int(between.stdout.readline()),
]
"""
CLUSTER = """
from headrace.sandbox.cluster import cluster
from headrace.sandbox.cluster.components import COMPONENTS
from tests.unit.sandbox.cluster.recipes import server

for name in COMPONENTS:
    COMPONENTS[name] = server(name)
children = [part.pid for part in cluster.up(folder / "data").parts.values()]
"""
ENDS = {
    "killed": "os.kill(os.getpid(), signal.SIGKILL)",
    "crashed": "os.kill(os.getpid(), signal.SIGSEGV)",
    "ended": "",
}


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def sleeper(stack: ExitStack, owners: str) -> subprocess.Popen[bytes]:
    """Start a process with these owners; it is stopped with the test."""
    own = {name: value for name, value in os.environ.items() if name != OWNERS}
    command = [sys.executable, "-c", SLEEP]
    started = subprocess.Popen(command, env=own | ({OWNERS: owners} if owners else {}), stdout=subprocess.PIPE)
    assert started.stdout
    stack.callback(started.wait)
    stack.callback(started.kill)
    stack.callback(started.stdout.close)
    started.stdout.readline()
    return started


def gone(pid: int) -> bool:
    return not processes.started(pid)


def dead(stack: ExitStack) -> Owner:
    """An owner that has ended."""
    owner = sleeper(stack, "")
    found = Owner(owner.pid, processes.started(owner.pid), me().space)
    owner.kill()
    owner.wait()
    return found


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
@pytest.mark.parametrize("starts", [CHILDREN, CLUSTER], ids=["children", "cluster"])
def test_children_stop_with_their_owner(starts: str, end: str, tmp_path: Path) -> None:
    (tmp_path / "removed").mkdir()
    code = OWNER.format(starts=starts, end=end)
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], timeout=300, check=False)
    children = [int(pid) for pid in (tmp_path / "ready").read_text().split()]
    assert len(children) >= 3
    wait_for(lambda: all(map(gone, children)), "the end of the children")
    if end:
        wait_for(lambda: not (tmp_path / "removed").exists(), "the folder to be removed")
    else:
        assert (tmp_path / "removed").exists()


def test_children_stop_if_a_forked_child_holds_the_pipe_open(stack: ExitStack, tmp_path: Path) -> None:
    starts = f"children = [start({SLEEP!r}), os.fork()]\nif not children[1]: time.sleep(600)"
    code = OWNER.format(starts=starts, end=ENDS["killed"])
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], timeout=300, check=False)
    child, forked = (int(pid) for pid in (tmp_path / "ready").read_text().split())
    stack.callback(os.kill, forked, signal.SIGKILL)
    wait_for(lambda: gone(child), "the end of the child")


def test_normal_exit_leaves_no_watchdog(tmp_path: Path) -> None:
    code = OWNER.format(starts="children = []", end="")
    environment = {**os.environ, "WATCHED": str(tmp_path)}
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], env=environment, timeout=300, check=True)
    assert [process for process, value in processes.having("WATCHED") if value == str(tmp_path)] == []


def test_stops_processes_of_an_ended_owner(stack: ExitStack) -> None:
    left = [sleeper(stack, dead(stack).name), sleeper(stack, f"{me().name} {dead(stack).name}")]
    end_left_behind()
    wait_for(lambda: all(gone(each.pid) for each in left), "their end")  # another run may be at it, too


def test_owner_with_a_reused_id_has_ended(stack: ExitStack) -> None:
    left = sleeper(stack, replace(me(), started="1").name)
    end_left_behind()
    wait_for(lambda: gone(left.pid), "its end")


def test_keeps_processes_of_a_living_owner(stack: ExitStack) -> None:
    other = sleeper(stack, "")  # another run, with processes of its own
    owner = Owner(other.pid, processes.started(other.pid), me().space)
    spared = [sleeper(stack, me().name), sleeper(stack, owner.name)]
    end_left_behind()
    assert [each.poll() for each in (*spared, other)] == [None] * 3


def test_keeps_processes_without_an_owner(stack: ExitStack) -> None:
    kept = sleeper(stack, "")
    end_left_behind()
    assert kept.poll() is None


@pytest.mark.parametrize("value", ["-", "words", "1", "12-", "-12-"])
def test_keeps_processes_with_an_invalid_owner(stack: ExitStack, value: str) -> None:
    spared = sleeper(stack, value)
    end_left_behind()
    assert spared.poll() is None


def test_keeps_processes_of_an_owner_in_another_pid_namespace(stack: ExitStack) -> None:
    spared = sleeper(stack, replace(dead(stack), space="4026530000").name)
    end_left_behind()
    assert spared.poll() is None


def test_parses_an_owner_name() -> None:
    assert named(me().name) == me()
    assert not me().is_gone()


def test_zombie_owner_has_ended(stack: ExitStack) -> None:
    zombie = sleeper(stack, "")
    zombie.kill()
    wait_for(lambda: psutil.Process(zombie.pid).status() == psutil.STATUS_ZOMBIE, "a zombie")
    assert gone(zombie.pid)


def test_start_time_without_proc_is_the_creation_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "PROC", Path("/nowhere"))
    monkeypatch.setattr(lifetime, "PID_NAMESPACE", Path("/nowhere"))
    assert float(processes.started(os.getpid())) == pytest.approx(psutil.Process().create_time(), abs=5)
    assert named(me().name) == me()
    assert processes.started(2**22 + 1) == ""
