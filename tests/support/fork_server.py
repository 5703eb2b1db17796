"""Start processes by fork from a process that has imported Headrace: a worker starts in 0.1 s instead of 2.5 s of CPU.

A forked process has its own environment, folder, output, signals and exit code, and ends as Python does. Where the
start of the interpreter matters, tests run the `headrace` command itself: `tests.support.process.COMMAND`.

The server has one thread, so that a fork is safe. It ends with the process that uses it.
"""

from __future__ import annotations

import contextlib
import functools
import gc
import importlib
import json
import os
import pkgutil
import selectors
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

import boto3

from tests.support import service_models

ROOT = Path(__file__).parents[2]
AVAILABLE = sys.platform == "linux"
PRELOADED = ("headrace.schemas", "headrace.connectors", "headrace.streams", "headrace.console")
LARGEST_REQUEST = 1 << 20
"""Bytes of the environment and the arguments of a process."""


class ForkedProcess:
    """A forked process, with the methods of `subprocess.Popen` that tests use."""

    def __init__(self, arguments: Sequence[str], report: int) -> None:
        self.args = arguments
        self.returncode: int | None = None
        self._report = os.fdopen(report, "rb", buffering=0)
        self._poller = selectors.DefaultSelector()
        self._poller.register(self._report, selectors.EVENT_READ)
        pid = self._report.readline()
        assert pid, "the fork server has ended: its error is in the output of the test"
        self.pid = int(pid)

    def poll(self) -> int | None:
        """Return the exit code; None while the process runs."""
        return self._exit_code(0)

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end and return the exit code."""
        code = self._exit_code(timeout)
        if code is None:
            raise subprocess.TimeoutExpired(self.args, timeout or 0.0)
        return code

    def send_signal(self, number: int) -> None:
        """Send a signal, if the process has not ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """Send SIGTERM."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Send SIGKILL."""
        self.send_signal(signal.SIGKILL)

    def _exit_code(self, seconds: float | None) -> int | None:
        if self.returncode is None and self._poller.select(seconds):
            line = self._report.readline()
            assert line, f"the fork server ended before {self.args}"
            self.returncode = int(line)
            self._poller.close()
            self._report.close()
        return self.returncode


Process = ForkedProcess | subprocess.Popen[bytes]


class ForkServer:
    """The client of a fork server, which starts on creation."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, LARGEST_REQUEST)
        command = [sys.executable, "-m", "tests.support.fork_server", str(theirs.fileno())]
        self._process = subprocess.Popen(
            command, cwd=ROOT, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
        )
        theirs.close()

    def start(
        self, target: str, arguments: Sequence[str], environment: Mapping[str, str], out: IO[Any], error: IO[Any]
    ) -> ForkedProcess:
        """Call the function `module:name` in a new process, with `arguments` as sys.argv."""
        request = [target, list(arguments), dict(environment), os.getcwd()]
        ours, theirs = os.pipe()
        try:
            with self._lock:
                socket.send_fds(self._socket, [json.dumps(request).encode()], [out.fileno(), error.fileno(), theirs])
        finally:
            os.close(theirs)
        return ForkedProcess(arguments, ours)


@functools.cache
def _server() -> ForkServer:
    return ForkServer()


def start(
    target: str, arguments: Sequence[str], environment: Mapping[str, str], out: IO[Any], error: IO[Any]
) -> Process:
    """Call the function `module:name` in a new process, with `arguments` as sys.argv."""
    if AVAILABLE:
        return _server().start(target, arguments, environment, out, error)
    module, _, name = target.partition(":")
    program = f"import sys, {module}; sys.argv = sys.argv[1:]; sys.exit({module}.{name}())"
    return subprocess.Popen([sys.executable, "-c", program, *arguments], env=environment, stdout=out, stderr=error)


def serve(control: socket.socket) -> Callable[[], Any] | None:
    """Fork a process for each request. Return the function to call in a child, and None at the end of the server."""
    children = selectors.DefaultSelector()
    children.register(control, selectors.EVENT_READ)
    while True:
        for key, _ in children.select():
            if key.fileobj is not control:
                children.unregister(key.fileobj)
                _report_exit(key.fd, *key.data)
                continue
            message, files, *_ = socket.recv_fds(control, LARGEST_REQUEST, 3)
            if not message:
                return None
            pid = os.fork()
            if pid == 0:
                _close(control, children)
                return _child(message, *files)
            out, error, report = files
            os.close(out)
            os.close(error)
            os.write(report, b"%d\n" % pid)
            children.register(os.pidfd_open(pid), selectors.EVENT_READ, (pid, report))


def _report_exit(handle: int, pid: int, report: int) -> None:
    os.close(handle)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    with contextlib.suppress(BrokenPipeError):  # the test has ended
        os.write(report, b"%d\n" % code)
    os.close(report)


def _close(control: socket.socket, children: selectors.BaseSelector) -> None:
    """Close the files of the server in a child."""
    for key in list(children.get_map().values()):
        if key.fileobj is not control:
            _, report = key.data
            os.close(key.fd)
            os.close(report)
    children.close()
    control.close()


def _child(message: bytes, out: int, error: int, report: int) -> Callable[[], Any]:
    target, arguments, environment, folder = json.loads(message)
    os.close(report)
    for given, standard in ((out, 1), (error, 2)):
        os.dup2(given, standard)
        os.close(given)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = arguments
    module, _, name = target.partition(":")
    call: Callable[[], Any] = getattr(importlib.import_module(module), name)
    return call


def preload() -> None:
    """Import what processes need."""
    for package in PRELOADED:
        for each in pkgutil.walk_packages(importlib.import_module(package).__path__, f"{package}."):
            if not each.name.endswith("__main__"):
                importlib.import_module(each.name)
    service_models.parse_once()
    for name in ("s3", "sqs"):
        boto3.Session(region_name="us-east-1").client(name)
    gc.collect()
    gc.freeze()  # a collection in a child then copies no pages
    threads = os.listdir("/proc/self/task")
    assert len(threads) == 1, "an import starts a thread, so that a fork is unsafe"


def main() -> None:
    """Serve until the client ends; in a child, call its function."""
    preload()
    call = serve(socket.socket(fileno=int(sys.argv[1])))
    if call:
        sys.exit(call())


if __name__ == "__main__":
    main()
