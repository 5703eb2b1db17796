"""A forked process behaves like one that starts Python."""

from __future__ import annotations

import atexit
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import NoReturn

import pytest

from tests.support import fork_server
from tests.support.process import wait_for

HERE = "tests.project.test_fork_server"


def talk() -> int:
    """Print what belongs to a process, and exit with 3."""
    atexit.register(sys.stdout.write, "at exit\n")
    words = [os.environ["OF_THE_TEST"], os.getcwd(), *sys.argv]
    sys.stdout.write(" ".join(words) + "\n")
    sys.stderr.write("an error\n")
    return 3


def wait() -> NoReturn:
    """Run until a signal ends the process."""
    sys.stdout.write("runs\n")
    sys.stdout.flush()
    while True:
        time.sleep(60)


def fail() -> None:
    """Raise an exception."""
    raise RuntimeError("planted")


def start(folder: Path, name: str, *arguments: str) -> fork_server.Process:
    environment = {**os.environ, "OF_THE_TEST": "value"}
    with (folder / "out").open("w") as out, (folder / "error").open("w") as error:
        return fork_server.start(f"{HERE}:{name}", ["program", *arguments], environment, out, error)


def test_process_has_its_own_environment_folder_arguments_and_output(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    process = start(tmp_path, "talk", "one", "two")

    assert process.wait(300) == process.poll() == process.returncode == 3
    assert (tmp_path / "out").read_text() == f"value {tmp_path} program one two\nat exit\n"
    assert (tmp_path / "error").read_text() == "an error\n"
    assert "OF_THE_TEST" not in os.environ


def test_exception_ends_a_process_with_1_and_a_traceback(tmp_path: Path) -> None:
    assert start(tmp_path, "fail").wait(300) == 1
    assert "RuntimeError: planted" in (tmp_path / "error").read_text()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_signal_ends_one_process_only(number: signal.Signals, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    process, other = start(tmp_path, "wait"), start(tmp_path / "other", "wait")
    try:
        wait_for(lambda: "runs" in (tmp_path / "out").read_text(), "the process to run")
        assert process.pid != other.pid
        assert process.poll() is None
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.01)

        process.send_signal(number)

        assert process.wait(300) == -number
        assert other.poll() is None
        process.kill()  # of an ended process: without effect
    finally:
        other.kill()
    assert other.wait(300) == -signal.SIGKILL
