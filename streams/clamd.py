"""Ask a ClamAV daemon about a file. Source: clamd(8), commands VERSION and INSTREAM."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from streams.failures import Outage, Transient, Unprocessable

PORT = 3310
CHUNK_BYTES = 1 << 16
ANSWER_SECONDS = 10.0


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
            raise Transient("clamd hung up, or took too long over the file") from error
    return version


async def _version(address: str) -> str:
    """Ask who is there before a file is sent: what fails here is not the fault of a file."""
    try:
        async with asyncio.timeout(ANSWER_SECONDS), _connected(address) as (reader, writer):
            writer.write(b"zVERSION\0")
            version = await _line(reader)
    except (OSError, ValueError, OverflowError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
        raise Outage(f"no clamd answers at {address}; start it, or correct HEADRACE_CLAMD") from error
    if not version.startswith("ClamAV"):
        raise Outage(f"what answers at {address} is not clamd; correct HEADRACE_CLAMD")
    return version


@asynccontextmanager
async def _connected(address: str) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    host, _, port = address.rpartition(":")
    reader, writer = await asyncio.open_connection(host.strip("[]") or address, int(port) if host else PORT)
    try:
        yield reader, writer
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


async def _line(reader: asyncio.StreamReader) -> str:
    return (await reader.readuntil(b"\0")).rstrip(b"\0").decode(errors="replace")


async def _answer(address: str, file: BinaryIO) -> str:
    """Send a file and give what clamd says, which it may do, and hang up, before it has got all."""
    async with _connected(address) as (reader, writer):
        sending = asyncio.create_task(_send(file, writer))
        try:
            return await _line(reader)
        finally:
            sending.cancel()


async def _send(file: BinaryIO, writer: asyncio.StreamWriter) -> None:
    """Send chunks, each behind its length, and an empty one as the end."""
    with suppress(ConnectionError):
        writer.write(b"zINSTREAM\0")
        chunk = None
        while chunk != b"":
            chunk = file.read(CHUNK_BYTES)
            writer.write(len(chunk).to_bytes(4) + chunk)
            await writer.drain()
            # Lets an answer in before the next write finds the connection closed and throws it away.
            await asyncio.sleep(0)


def _judge(answer: str) -> None:
    if answer == "stream: OK":
        return
    if answer.endswith(" FOUND"):
        signature = answer.removeprefix("stream: ").removesuffix(" FOUND")
        raise Unprocessable("infected", f"ClamAV found {signature}")
    if answer.startswith("INSTREAM size limit exceeded"):
        raise Unprocessable("too_large", "the file is larger than clamd accepts; raise StreamMaxLength in clamd.conf")
    raise Transient(f"clamd could not scan the file: {answer[:200]}")
