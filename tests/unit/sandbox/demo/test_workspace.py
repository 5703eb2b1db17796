"""Tests that a demo stops everything it started and nothing else."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from headrace.sandbox.cluster import processes
from headrace.sandbox.cluster.processes import ProcessCommand
from headrace.sandbox.cluster.state_file import read, write
from headrace.sandbox.demo.isolation import isolate_environment
from headrace.sandbox.demo.workspace import alive, place
from headrace.sandbox.errors import SandboxError


def start(folder: Path, name: str) -> None:
    """Start an idle component."""
    part = processes.spawn(name, ProcessCommand(("sleep", "60"), folder), 0, folder / f"{name}.log")
    write(folder, read(folder).with_part(part))


def kept_until(folder: Path, name: str, end: BaseException) -> None:
    """Start a component in a kept folder, and raise `cut`."""
    with place(folder, keep=True):
        start(folder, name)
        raise end


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A sandbox folder whose components are stopped after the test."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    made = tmp_path / "sandbox"
    made.mkdir()
    yield made
    processes.stop(read(made).parts.values())


def test_temporary_run_leaves_no_processes_and_files(folder: Path) -> None:
    with place(None, keep=False) as own:
        start(own, "kafka")
        start(own, "worker")
        assert alive(own) == {"kafka", "worker"}
    assert not own.exists()


def test_named_folder_is_kept_and_its_components_are_stopped(folder: Path) -> None:
    with place(folder, keep=False):
        start(folder, "kafka")
    assert alive(folder) == set()
    assert read(folder).parts == {}


def test_kept_components_keep_running(folder: Path) -> None:
    with place(folder, keep=True):
        start(folder, "kafka")
    assert alive(folder) == {"kafka"}


def test_kept_demo_uses_the_default_folder(folder: Path, tmp_path: Path) -> None:
    with place(None, keep=True) as default:
        assert default == tmp_path / "state" / "headrace" / "sandbox"


@pytest.mark.parametrize("cut", [KeyboardInterrupt, SystemExit])
def test_interrupted_demo_stops_only_what_it_started(folder: Path, cut: type[BaseException]) -> None:
    start(folder, "kafka")
    with pytest.raises(cut):
        kept_until(folder, "worker", cut())
    assert alive(folder) == {"kafka"}


def test_failed_kept_demo_keeps_running(folder: Path) -> None:
    with pytest.raises(SandboxError):
        kept_until(folder, "kafka", SandboxError("the worker ended"))
    assert alive(folder) == {"kafka"}


def test_demo_does_not_stop_a_running_sandbox(folder: Path) -> None:
    start(folder, "kafka")
    with pytest.raises(SandboxError, match="add --keep"), place(folder, keep=False):
        pytest.fail("the demo began")
    assert alive(folder) == {"kafka"}


def test_demo_removes_user_settings_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith(("AWS_", "HEADRACE_"))]:
        monkeypatch.delenv(name)
    theirs = {"AWS_PROFILE": "work", "HEADRACE_CLAMD": "there:1", "HEADRACE_QUEUE_URLS": "there"}
    for name, value in {**theirs, "HEADRACE_JAVA": "system", "NO_PROXY": "intern"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("no_proxy", "")
    isolate_environment()
    assert not theirs.keys() & os.environ.keys()
    assert (os.environ["HEADRACE_JAVA"], os.environ["NO_PROXY"]) == ("system", "127.0.0.1,intern")
    assert os.environ["no_proxy"] == "127.0.0.1"
