"""Start one process with limits for each inspection: `python -m headrace.streams.media.inspection.server`.

The server loads the decoders once and forks for each request, so a process starts in milliseconds, and what one file
does to a process never meets the next file. The server itself reads no byte of a file.

A request on standard input comes with three descriptors: the file, the pipe of the answer, and a socket. The socket
receives how the process ended; when the worker closes it, the process is killed.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import selectors
import signal
import socket
import traceback
from dataclasses import dataclass
from io import FileIO

import av
import msgspec

from headrace.streams.errors import PermanentError
from headrace.streams.media.inspection import container, decoding, limits, pictures, shots, warm_up
from headrace.streams.media.inspection.messages import (
    MAX_REQUEST_BYTES,
    Answer,
    Describe,
    Description,
    Exit,
    Failure,
    FailureCode,
    Limits,
    Operation,
    Pictures,
    Request,
    SampleFrames,
    Stills,
    Waveform,
)

READY = b"."
_CODES: dict[str, FailureCode] = {"unreadable": "unreadable", "too_large": "too_large"}


@dataclass(frozen=True, slots=True)
class Inspection:
    """A running process and the socket that receives how it ends."""

    pid: int
    status: socket.socket


class Server:
    """Forks a process per request, and reports and ends them."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._running: dict[int, Inspection] = {}
        self._selector = selectors.DefaultSelector()
        self._selector.register(control, selectors.EVENT_READ)
        self._wakeup, self._signalled = socket.socketpair()
        self._signalled.setblocking(False)
        self._wakeup.setblocking(False)
        self._selector.register(self._wakeup, selectors.EVENT_READ)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # inherited: a process that just started must not raise
        signal.set_wakeup_fd(self._signalled.fileno(), warn_on_full_buffer=False)

    def run(self) -> None:
        """Serve requests until the worker closes its end of the control socket."""
        self._control.sendall(READY)
        while True:
            for key, _ in self._selector.select():
                if key.fileobj is self._control:
                    if not self._accept():
                        self._kill_all()
                        return
                elif key.fileobj is self._wakeup:
                    self._wakeup.recv(4096)
                    self._reap()
                elif key.data in self._running:  # the worker closed the socket
                    os.kill(key.data, signal.SIGKILL)
                    self._selector.unregister(key.fileobj)

    def _accept(self) -> bool:
        content, descriptors, _, _ = socket.recv_fds(self._control, MAX_REQUEST_BYTES, 3)
        if not content or len(descriptors) != 3:
            return False
        file, answer, status = descriptors
        pid = os.fork()
        if not pid:
            _child(content, file, answer)
        os.close(file)
        os.close(answer)
        connection = socket.socket(fileno=status)
        self._running[pid] = Inspection(pid, connection)
        self._selector.register(connection, selectors.EVENT_READ, pid)
        return True

    def _reap(self) -> None:
        while self._running:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if not pid:
                return
            self._report(self._running.pop(pid), os.waitstatus_to_exitcode(status))

    def _report(self, ended: Inspection, code: int) -> None:
        with contextlib.suppress(KeyError):  # no longer registered once it was killed
            self._selector.unregister(ended.status)
        with contextlib.suppress(OSError):  # the worker no longer waits
            ended.status.sendall(msgspec.msgpack.encode(Exit(code)))
        ended.status.close()

    def _kill_all(self) -> None:
        for pid in self._running:
            os.kill(pid, signal.SIGKILL)


def _child(content: bytes, file: int, answer: int) -> None:
    """Answer a request, and end the process."""
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        _keep_only(file, answer)
        request = msgspec.msgpack.decode(content, type=Request)
        limits.apply(request.limits)
        result = msgspec.msgpack.encode(_inspect(FileIO(file, "rb"), request.operation))
        while result:
            result = result[os.write(answer, result) :]
    except BaseException:  # the worker reports a process without an answer
        os._exit(1)
    os._exit(0)


def _keep_only(file: int, answer: int) -> None:
    """Close all other descriptors but the three standard ones, of which the input is the control socket."""
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    last = 3
    for descriptor in sorted((file, answer)):
        os.closerange(last, descriptor)
        last = descriptor + 1
    os.closerange(last, os.sysconf("SC_OPEN_MAX"))


def _inspect(file: FileIO, operation: Operation) -> Answer:
    try:
        return inspect(file, operation)
    except PermanentError as error:
        return Failure(_CODES[error.code], error.why)
    except MemoryError:
        return Failure("unsupported_input", "decoding needs more memory than the limit of one inspection")
    except Exception as error:  # whatever a file makes a decoder raise is the fault of the file
        return Failure("unreadable", f"not a readable media file: {decoding.describe_error(error)[:200]}")


def inspect(file: FileIO, operation: Operation) -> Answer:
    """Run an operation on a file. Raises any exception of the decoders."""
    match operation:
        case Describe():
            with container.opened(file, operation.hint, operation.pictures) as media:
                if media.is_picture:
                    return Description(dataclasses.replace(container.describe(media, 0), kind="image"))
                return Description(container.describe(media, decoding.verify(media)))
        case Stills():
            with container.opened(file, operation.hint) as media:
                return Pictures(pictures.stills(media, operation))
        case Waveform():
            with container.opened(file, operation.hint) as media:
                return Pictures((pictures.waveform(media, operation),))
        case SampleFrames():
            with container.opened(file, operation.hint) as media:
                return shots.sample(media, operation)


def _works_with_limits() -> bool:
    """Inspect a generated file in a process with limits: a fault of this machine is no fault of a file."""
    pid = os.fork()
    if pid:
        _, status = os.waitpid(pid, 0)
        return os.waitstatus_to_exitcode(status) == 0
    try:
        with warm_up.sample() as file:
            limits.apply(Limits())
            warm_up.run(file, inspect)
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


def main() -> None:
    """Serve the requests of a worker."""
    av.logging.set_level(av.logging.WARNING)
    with warm_up.sample() as file:
        warm_up.run(file, inspect)
    if not _works_with_limits():
        raise SystemExit("media cannot be inspected with the limits of this process")
    Server(socket.socket(fileno=0)).run()


if __name__ == "__main__":
    main()
