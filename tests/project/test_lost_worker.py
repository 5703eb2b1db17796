"""A killed worker process fails the test run at once, and the output names the test."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support import inner_run

FINE = "def test_fine(): pass"
DEADLY = """
import os, signal

def test_before(): pass

def test_deadly():
    {death}
"""
# Longer than an inner run may take.
LONG = """
import time, pytest

@pytest.mark.parametrize("n", range(100))
def test_long(n):
    time.sleep(1)
"""
DEATHS = {
    "crash": "os.kill(os.getpid(), signal.SIGSEGV)",
    "kill": "os.kill(os.getpid(), signal.SIGKILL)",
    "exit": "os._exit(0)",
}


def test_inner_run_has_the_options_of_make() -> None:
    assert "pytest --numprocesses 4 --dist loadfile" in (inner_run.ROOT / "Makefile").read_text("utf-8")


@pytest.mark.parametrize(("death", "workers"), [("crash", "2"), ("kill", "1"), ("exit", "1")])
def test_killed_worker_fails_the_run_and_names_the_test(death: str, workers: str, tmp_path: Path) -> None:
    modules = {"test_deadly": DEADLY.format(death=DEATHS[death]), "test_one": FINE, "test_other": FINE}
    result = inner_run.run(inner_run.write(tmp_path / "inner", **modules), "-n", workers, "--dist", "loadfile")
    assert result.returncode == 1, result.stdout
    assert re.search(r"^FAILED \S*test_deadly\.py::test_deadly", result.stdout, re.MULTILINE), result.stdout
    assert "died in test_deadly.py::test_deadly" in result.stdout
    assert result.stdout.count("node down") == 1, "the test went on to another worker"


def test_killed_worker_stops_the_other_workers(tmp_path: Path) -> None:
    modules = {"test_deadly": DEADLY.format(death=DEATHS["kill"]), "test_long": LONG}
    result = inner_run.run(inner_run.write(tmp_path / "inner", **modules), "-n", "2", "--dist", "loadfile")
    assert result.returncode == 1, result.stdout
    assert "died in test_deadly.py::test_deadly" in result.stdout


def test_worker_killed_outside_a_test_fails_the_run(tmp_path: Path) -> None:
    early = f"import os\nif 'PYTEST_XDIST_WORKER' in os.environ: os._exit(0)\n{FINE}"
    result = inner_run.run(inner_run.write(tmp_path / "inner", test_early=early), "-n", "2", "--dist", "loadfile")
    assert result.returncode == 1, result.stdout
    assert "died outside of any test" in result.stdout
