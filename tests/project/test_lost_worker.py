"""A worker process that dies fails the run at once, and the run says in which test."""

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


def test_the_inner_run_is_told_what_make_tells_ours() -> None:
    assert "pytest --numprocesses 3 --dist loadfile" in (inner_run.ROOT / "Makefile").read_text("utf-8")


@pytest.mark.parametrize(("death", "workers"), [("crash", "3"), ("kill", "1"), ("exit", "1")])
def test_a_worker_that_dies_fails_the_run_and_the_test_is_named(death: str, workers: str, tmp_path: Path) -> None:
    modules = {"test_deadly": DEADLY.format(death=DEATHS[death]), "test_one": FINE, "test_other": FINE}
    found = inner_run.run(inner_run.write(tmp_path / "inner", **modules), "-n", workers, "--dist", "loadfile")
    assert found.returncode == 1, found.stdout
    assert re.search(r"^FAILED \S*test_deadly\.py::test_deadly", found.stdout, re.MULTILINE), found.stdout
    assert "died in test_deadly.py::test_deadly" in found.stdout
    assert found.stdout.count("node down") == 1, "the test went on to another worker"


def test_the_other_workers_do_not_go_on_with_what_they_were_given(tmp_path: Path) -> None:
    modules = {"test_deadly": DEADLY.format(death=DEATHS["kill"]), "test_long": LONG}
    found = inner_run.run(inner_run.write(tmp_path / "inner", **modules), "-n", "2", "--dist", "loadfile")
    assert found.returncode == 1, found.stdout
    assert "died in test_deadly.py::test_deadly" in found.stdout


def test_a_worker_that_dies_outside_of_its_tests_fails_the_run(tmp_path: Path) -> None:
    early = f"import os\nif 'PYTEST_XDIST_WORKER' in os.environ: os._exit(0)\n{FINE}"
    found = inner_run.run(inner_run.write(tmp_path / "inner", test_early=early), "-n", "2", "--dist", "loadfile")
    assert found.returncode == 1, found.stdout
    assert "died outside of any test" in found.stdout
