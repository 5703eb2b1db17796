"""Scan files with a ClamAV daemon. Source: clamd(8), commands VERSION and INSTREAM."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from headrace.schemas.parsing import parse_int
from headrace.streams.errors import OutageError, PermanentError, TransientError

PORT = 3310
CHUNK_BYTES = 1 << 16
ANSWER_TIMEOUT_SECONDS = 10.0
LIMIT_SIGNATURE = "Heuristics.Limits.Exceeded"
"""Prefix of the signature for a file that exceeds a limit of clamd (`AlertExceedsMax`); it is not a virus."""


async def scan(address: str, path: Path, timeout_seconds: float = 120.0) -> str:
    """Scan a file with the daemon at `host:port` and return the daemon's version line.

    Raises:
        PermanentError: `infected` with the signature's name, or `too_large`.
        OutageError: No clamd answers at the address.
        TransientError: clamd did not scan the file, or not in time.
    """
    version = await _version(address)
    with path.open("rb") as file:
        try:
            async with asyncio.timeout(timeout_seconds):
                _raise_for(await _answer(address, file))
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
            raise TransientError("clamd closed the connection or took too long") from error
    return version


async def _version(address: str) -> str:
    """Return the daemon's version before a file is sent: a failure here is not caused by a file."""
    try:
        async with asyncio.timeout(ANSWER_TIMEOUT_SECONDS), _connected(address) as (reader, writer):
            writer.write(b"zVERSION\0")
            version = await _line(reader)
    except (OSError, ValueError, OverflowError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
        raise OutageError(f"no clamd answers at {address}; start it, or correct HEADRACE_CLAMD") from error
    if not version.startswith("ClamAV"):
        raise OutageError(f"the server at {address} is not clamd; correct HEADRACE_CLAMD")
    return version


@asynccontextmanager
async def _connected(address: str) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection(*_host_and_port(address))
    try:
        yield reader, writer
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


async def _line(reader: asyncio.StreamReader) -> str:
    return (await reader.readuntil(b"\0")).rstrip(b"\0").decode(errors="replace")


def _host_and_port(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    return host.strip("[]") or address, parse_int(port, 1, 65_535) if host else PORT


async def _answer(address: str, file: BinaryIO) -> str:
    """Send a file and return clamd's answer. clamd may answer and close the connection before the end of the file.

    Uses a plain socket, because an asyncio stream discards received data as soon as a write fails.
    """
    connection = await asyncio.to_thread(socket.create_connection, _host_and_port(address), ANSWER_TIMEOUT_SECONDS)
    with connection:
        connection.setblocking(False)
        sending = asyncio.create_task(_send(file, connection))
        try:
            return await _read_answer(connection)
        finally:
            sending.cancel()
            await asyncio.wait([sending])


async def _send(file: BinaryIO, connection: socket.socket) -> None:
    """Send chunks, each after its length, and an empty chunk at the end."""
    loop = asyncio.get_running_loop()
    with suppress(ConnectionError):
        await loop.sock_sendall(connection, b"zINSTREAM\0")
        chunk = None
        while chunk != b"":
            chunk = file.read(CHUNK_BYTES)
            await loop.sock_sendall(connection, len(chunk).to_bytes(4) + chunk)


async def _read_answer(connection: socket.socket) -> str:
    loop = asyncio.get_running_loop()
    answer = b""
    while not answer.endswith(b"\0"):
        part = await loop.sock_recv(connection, CHUNK_BYTES)
        if not part or len(answer) > CHUNK_BYTES:
            raise ConnectionResetError("incomplete answer")
        answer += part
    return answer.rstrip(b"\0").decode(errors="replace")


def _raise_for(answer: str) -> None:
    if answer == "stream: OK":
        return
    if answer.endswith(" FOUND"):
        signature = answer.removeprefix("stream: ").removesuffix(" FOUND")
        if signature.startswith(LIMIT_SIGNATURE):
            limit = signature.removeprefix(LIMIT_SIGNATURE).lstrip(".")
            raise PermanentError("too_large", f"clamd stopped the scan at its limit {limit}: raise it in clamd.conf")
        raise PermanentError("infected", f"ClamAV found {signature}")
    if answer.startswith("INSTREAM size limit exceeded"):
        raise PermanentError("too_large", "the file is larger than clamd accepts; raise StreamMaxLength in clamd.conf")
    raise TransientError(f"clamd could not scan the file: {answer[:200]}")
