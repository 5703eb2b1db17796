"""Inspect media in processes with limits. How such a process ends decides the error of its file."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import subprocess
import sys
import threading
from io import FileIO

import msgspec

from headrace.streams.errors import OutageError, PermanentError, TransientError
from headrace.streams.media.inspection.exit_errors import signal_error, too_slow
from headrace.streams.media.inspection.messages import Answer, Exit, Failure, Limits, Operation, Request
from headrace.streams.media.slots import MediaSlots

SERVER = "headrace.streams.media.inspection.server"
START_SECONDS = 60.0
GRACE_SECONDS = 10.0
"""Seconds after the wall time of a process in which the server must report its end."""
LARGE_FILE_NICENESS = 10
_CANNOT_START = f"media inspection cannot start: reinstall headrace, or run python -m {SERVER} to see why"


class Inspector:
    """Starts the inspection server on first use, and again if it ends."""

    def __init__(self, slots: MediaSlots, limits: Limits) -> None:
        self._slots = slots
        self._limits = limits
        self._lock = threading.Lock()
        self._server: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None

    async def inspect(self, file: FileIO, operation: Operation, key: str) -> Answer:
        """Run an operation on an open file. At most one file of a `key` runs while other keys wait.

        Raises:
            PermanentError: `unreadable`, `unsupported_input` or `too_large`.
            TransientError: the process or the server was stopped.
            OutageError: the server cannot be started.
            ThrottledError: no slot was free in time.
        """
        async with self._slots.hold(key, os.fstat(file.fileno()).st_size) as is_small:
            niceness = 0 if is_small else LARGE_FILE_NICENESS
            request = Request(operation, msgspec.structs.replace(self._limits, niceness=niceness))
            return await self._run(file, request)

    def close(self) -> None:
        """End the server, and the processes that it runs."""
        with self._lock:
            self._close()

    async def _run(self, file: FileIO, request: Request) -> Answer:
        answer, remote_answer = socket.socketpair()
        status, remote_status = socket.socketpair()
        with answer, status:
            with remote_answer, remote_status:
                await asyncio.to_thread(self._send, request, (file, remote_answer, remote_status))
            content, code = await self._receive(answer, status)
        if code > 0:
            raise PermanentError("unreadable", "not a readable media file: the decoder ended without an answer")
        if code < 0:
            raise signal_error(-code, "the decoder", self._limits)
        return _decode(content)

    async def _receive(self, answer: socket.socket, status: socket.socket) -> tuple[bytes, int]:
        """Return the answer and the exit code. The process ends when the status socket is closed."""
        reading = asyncio.create_task(_read(answer, self._limits.output_bytes))
        ending = asyncio.create_task(_exit_code(status))
        try:
            async with asyncio.timeout(self._limits.wall_seconds + GRACE_SECONDS):
                return await asyncio.gather(reading, ending)
        except TimeoutError as error:
            raise too_slow(self._limits) from error
        finally:
            reading.cancel()
            ending.cancel()
            await asyncio.wait((reading, ending))

    def _send(self, request: Request, descriptors: tuple[FileIO | socket.socket, ...]) -> None:
        """Send a request. Blocking; starts the server if there is none."""
        content, numbers = msgspec.msgpack.encode(request), [each.fileno() for each in descriptors]
        with self._lock:
            try:
                socket.send_fds(self._connection(), [content], numbers)
            except OSError:  # the server has ended since the last request
                self._close()
                socket.send_fds(self._connection(), [content], numbers)

    def _connection(self) -> socket.socket:
        if self._control is None or self._server is None or self._server.poll() is not None:
            self._close()
            self._start()
        assert self._control is not None
        return self._control

    def _start(self) -> None:
        self._control, remote = socket.socketpair()
        with remote:
            self._server = subprocess.Popen(
                (sys.executable, "-P", "-m", SERVER),
                stdin=remote.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env={"PATH": os.defpath, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
                start_new_session=True,
            )
        self._control.settimeout(START_SECONDS)
        try:
            is_ready = self._control.recv(1)
        except OSError:
            is_ready = b""
        if not is_ready:
            self._close()
            raise OutageError(_CANNOT_START)

    def _close(self) -> None:
        if self._control is not None:
            self._control.close()
        if self._server is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._server.wait(GRACE_SECONDS)
            self._server.kill()
            self._server.wait()
        self._control = self._server = None


async def _exit_code(status: socket.socket) -> int:
    """Return how the process ended.

    Raises:
        TransientError: The server ended first.
    """
    end = await _read(status, 64)
    if not end:
        raise TransientError("the media inspection server was stopped", "stopped")
    return msgspec.msgpack.decode(end, type=Exit).code


async def _read(connection: socket.socket, limit: int) -> bytes:
    """Read to the end.

    Raises:
        PermanentError: `unsupported_input`: the answer is longer than the limit.
    """
    connection.setblocking(False)
    loop, content = asyncio.get_running_loop(), bytearray()
    while chunk := await loop.sock_recv(connection, 1 << 18):
        content += chunk
        if len(content) > limit:
            raise PermanentError("unsupported_input", f"its pictures have more than {limit} bytes, the limit")
    return bytes(content)


def _decode(content: bytes) -> Answer:
    """Decode an answer: untrusted, because it comes from a process that read the file.

    Raises:
        PermanentError: The answer is a failure, or invalid.
    """
    try:
        answer: Answer = msgspec.msgpack.decode(content, type=Answer)
    except msgspec.DecodeError as error:
        reason = "not a readable media file: the decoder gave an invalid answer"
        raise PermanentError("unreadable", reason) from error
    if isinstance(answer, Failure):
        raise PermanentError(answer.code, answer.reason)
    return answer
