"""Commands in processes with unusual standard streams, and ended by signals at unusual times."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from headrace.schemas.runtime.stop_signals import stop_signals

WITHIN_SECONDS = 120
FULL = Path("/dev/full")
NO_SPACE = "cannot write the output: No space left on device\n"
HEADRACE = f"{sys.executable} -m headrace.console"


@pytest.fixture(autouse=True)
def hang_up() -> Iterator[None]:
    """Give SIGHUP its default action, also if `nohup` started the tests."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


def shell(command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["sh", "-c", command], capture_output=True, text=True, timeout=WITHIN_SECONDS, check=False)


def python(code: str, before: Callable[[], object] | None = None) -> subprocess.CompletedProcess[str]:
    given = [sys.executable, "-c", textwrap.dedent(code)]
    return subprocess.run(given, capture_output=True, text=True, timeout=WITHIN_SECONDS, check=False, preexec_fn=before)


@pytest.mark.skipif(not FULL.exists(), reason="the system has no /dev/full")
@pytest.mark.parametrize("arguments", ["version", "--help", "topics list"])
def test_full_disk_at_the_output_is_one_line(arguments: str) -> None:
    done = shell(f"{HEADRACE} {arguments} >/dev/full")
    assert (done.returncode, done.stderr) == (1, NO_SPACE)


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_standard_streams_are_no_error(closed: str) -> None:
    assert shell(f"{HEADRACE} version {closed}").returncode == 0


def test_file_never_gets_the_descriptor_of_a_closed_stream(tmp_path: Path) -> None:
    """Otherwise the log would go into the file."""
    code = f"""
        import os
        from headrace.console.app.process import open_closed_streams
        for number in range(3):
            os.close(number)
        open_closed_streams()
        with open({str(tmp_path / "file")!r}, "w") as file:
            file.write(str(file.fileno()))
    """
    assert python(code).returncode == 0
    assert int((tmp_path / "file").read_text()) > 2


def test_ctrl_c_while_the_command_line_is_imported_prints_nothing() -> None:
    code = """
        import os, signal, sys

        class Interrupt:
            def find_spec(self, name, *_):
                if name == "typer":
                    os.kill(os.getpid(), signal.SIGINT)

        sys.meta_path.insert(0, Interrupt())
        from headrace.console.__main__ import main
        main()
    """
    done = python(code)
    assert (done.returncode, done.stdout, done.stderr) == (-signal.SIGINT, "", "")


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP", "SIGINT"])
def test_signal_releases_resources(name: str) -> None:
    code = f"""
        import os, signal, time
        from headrace.console.app.process import end_on_signals
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        end_on_signals()
        try:
            os.kill(os.getpid(), signal.{name})
            time.sleep(60)
        finally:
            print("released", flush=True)
    """
    done = python(code)
    number = signal.Signals[name]
    assert done.stdout == "released\n"
    assert done.returncode == (-number if name == "SIGINT" else 128 + number)


def test_process_under_nohup_ignores_the_end_of_the_terminal() -> None:
    code = """
        import os, signal
        from headrace.console.app.process import end_on_signals
        end_on_signals()
        os.kill(os.getpid(), signal.SIGHUP)
        print("goes on")
    """
    done = python(code, lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
    assert (done.returncode, done.stdout) == (0, "goes on\n")


def test_the_end_of_the_terminal_is_a_stop_signal() -> None:
    assert set(stop_signals()) == {signal.SIGTERM, signal.SIGINT, signal.SIGHUP}
