"""Ask a ClamAV daemon about a file. Source: clamd(8), commands VERSION and INSTREAM."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from headrace.streams.errors import OutageError, PermanentError, TransientError

PORT = 3310
CHUNK_BYTES = 1 << 16
ANSWER_SECONDS = 10.0
LIMIT = "Heuristics.Limits.Exceeded"
"""What clamd calls a file that it did not look at to its end, where `AlertExceedsMax` is set: no virus."""


async def scan(address: str, path: Path, timeout_seconds: float = 120.0) -> str:
    """Have the daemon at `host:port` scan a file, and give its version line.

    Raises `Unprocessable` (`infected` with the signature's name, `too_large`), `Outage` when there is no clamd that
    answers, and `Transient` when a working one could not scan this file in time, or not at all.
    """
    version = await _version(address)
    with path.open("rb") as file:
        try:
            async with asyncio.timeout(timeout_seconds):
                _judge(await _answer(address, file))
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
            raise TransientError("clamd hung up, or took too long over the file") from error
    return version


async def _version(address: str) -> str:
    """Ask who is there before a file is sent: what fails here is not the fault of a file."""
    try:
        async with asyncio.timeout(ANSWER_SECONDS), _connected(address) as (reader, writer):
            writer.write(b"zVERSION\0")
            version = await _line(reader)
    except (OSError, ValueError, OverflowError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
        raise OutageError(f"no clamd answers at {address}; start it, or correct HEADRACE_CLAMD") from error
    if not version.startswith("ClamAV"):
        raise OutageError(f"what answers at {address} is not clamd; correct HEADRACE_CLAMD")
    return version


@asynccontextmanager
async def _connected(address: str) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection(*_where(address))
    try:
        yield reader, writer
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


async def _line(reader: asyncio.StreamReader) -> str:
    return (await reader.readuntil(b"\0")).rstrip(b"\0").decode(errors="replace")


def _where(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    return host.strip("[]") or address, int(port) if host else PORT


async def _answer(address: str, file: BinaryIO) -> str:
    """Send a file and give what clamd says, which it may do, and hang up, before it has got all.

    Over a bare socket: a stream throws away what has come in as soon as nothing can be sent any more.
    """
    connection = await asyncio.to_thread(socket.create_connection, _where(address), ANSWER_SECONDS)
    with connection:
        connection.setblocking(False)
        sending = asyncio.create_task(_send(file, connection))
        try:
            return await _said(connection)
        finally:
            sending.cancel()
            await asyncio.wait([sending])


async def _send(file: BinaryIO, connection: socket.socket) -> None:
    """Send chunks, each behind its length, and an empty one as the end."""
    loop = asyncio.get_running_loop()
    with suppress(ConnectionError):
        await loop.sock_sendall(connection, b"zINSTREAM\0")
        chunk = None
        while chunk != b"":
            chunk = file.read(CHUNK_BYTES)
            await loop.sock_sendall(connection, len(chunk).to_bytes(4) + chunk)


async def _said(connection: socket.socket) -> str:
    loop = asyncio.get_running_loop()
    said = b""
    while not said.endswith(b"\0"):
        part = await loop.sock_recv(connection, CHUNK_BYTES)
        if not part or len(said) > CHUNK_BYTES:
            raise ConnectionResetError("no whole answer")
        said += part
    return said.rstrip(b"\0").decode(errors="replace")


def _judge(answer: str) -> None:
    if answer == "stream: OK":
        return
    if answer.endswith(" FOUND"):
        signature = answer.removeprefix("stream: ").removesuffix(" FOUND")
        if signature.startswith(LIMIT):
            which = signature.removeprefix(LIMIT).lstrip(".")
            raise PermanentError("too_large", f"clamd gave it up at its limit {which}: raise it in clamd.conf")
        raise PermanentError("infected", f"ClamAV found {signature}")
    if answer.startswith("INSTREAM size limit exceeded"):
        raise PermanentError("too_large", "the file is larger than clamd accepts; raise StreamMaxLength in clamd.conf")
    raise TransientError(f"clamd could not scan the file: {answer[:200]}")
