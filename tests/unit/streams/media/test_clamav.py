"""Tests of the ClamAV client with a fake clamd server."""

from __future__ import annotations

import asyncio
import gc
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from headrace.streams.errors import OutageError, PermanentError, TransientError
from headrace.streams.media import clamav

VERSION = "ClamAV 1.4.3/27800/Mon Oct  6 08:00:00 2026"
HANG_UP = ""

Verdict = Callable[[bytes], str]
Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def listening(handle: Handler) -> AsyncIterator[str]:
    async def connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await handle(reader, writer)
        finally:
            writer.close()

    server = await asyncio.start_server(connection, "127.0.0.1", 0)
    async with server:
        host, port = server.sockets[0].getsockname()
        yield f"{host}:{port}"


def daemon(verdict: Verdict, stream_max_length: int = 1 << 30) -> Handler:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        command = await reader.readuntil(b"\0")
        if command == b"zVERSION\0":
            writer.write(VERSION.encode() + b"\0")
            return
        assert command == b"zINSTREAM\0"
        received = b""
        while length := struct.unpack("!I", await reader.readexactly(4))[0]:
            if len(received) + length > stream_max_length:
                writer.write(b"INSTREAM size limit exceeded. ERROR\0")
                return
            received += await reader.readexactly(length)
        if answer := verdict(received):
            writer.write(answer.encode() + b"\0")

    return handle


async def scan(verdict: Verdict, path: Path, stream_max_length: int = 1 << 30) -> str:
    async with listening(daemon(verdict, stream_max_length)) as address:
        return await clamav.scan(address, path)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "file"
    path.write_bytes(b"content " * 40_000)
    return path


async def test_clean_file_is_sent_completely_and_returns_the_version(file: Path) -> None:
    received = []

    def record(content: bytes) -> str:
        received.append(content)
        return "stream: OK"

    assert await scan(record, file) == VERSION
    assert received == [file.read_bytes()]


async def test_scans_an_empty_file(tmp_path: Path) -> None:
    path = tmp_path / "empty"
    path.touch()
    assert await scan(lambda content: "stream: OK" if content == b"" else "stream: Junk FOUND", path) == VERSION


async def test_infected_file_error_names_the_signature(file: Path) -> None:
    with pytest.raises(PermanentError, match=r"^ClamAV found Win\.Test\.EICAR_HDB-1$") as raised:
        await scan(lambda _: "stream: Win.Test.EICAR_HDB-1 FOUND", file)
    assert raised.value.code == "infected"


@pytest.mark.parametrize("limit", [100, 1_000_000])
async def test_file_over_the_limit_error_names_the_setting(
    file: Path, limit: int, caplog: pytest.LogCaptureFixture
) -> None:
    file.write_bytes(bytes(20 << 20))
    with pytest.raises(PermanentError, match="StreamMaxLength") as raised:
        await scan(lambda _: "stream: OK", file, limit)
    assert raised.value.code == "too_large"
    gc.collect()
    assert not caplog.records


@pytest.mark.parametrize(
    "answer", ["stream: Can't allocate memory ERROR", "UNKNOWN COMMAND", "stream: perhaps", HANG_UP]
)
async def test_answer_without_a_verdict_is_transient(file: Path, answer: str) -> None:
    with pytest.raises(TransientError):
        await scan(lambda _: answer, file)


async def test_scan_timeout_is_transient(file: Path) -> None:
    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if await reader.readuntil(b"\0") == b"zVERSION\0":
            writer.write(VERSION.encode() + b"\0")
        else:
            while await reader.read(1 << 16):
                continue

    async with listening(hang) as address:
        with pytest.raises(TransientError, match="took too long"):
            await clamav.scan(address, file, timeout_seconds=0.2)


async def test_unreachable_clamd_is_an_outage(file: Path) -> None:
    async with listening(daemon(lambda _: "stream: OK")) as address:
        pass
    with pytest.raises(OutageError, match="correct HEADRACE_CLAMD"):
        await clamav.scan(address, file)


@pytest.mark.parametrize("greeting", [b"HTTP/1.1 400 Bad Request\r\n\r\n\0", b"\xff\xfe\0", b"no end in sight", b""])
async def test_other_service_is_an_outage_and_does_not_receive_the_file(file: Path, greeting: bytes) -> None:
    commands = []

    async def other_service(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        commands.append(await reader.readuntil(b"\0"))
        writer.write(greeting)

    async with listening(other_service) as address:
        with pytest.raises(OutageError, match="HEADRACE_CLAMD"):
            await clamav.scan(address, file)
    assert commands == [b"zVERSION\0"]


@pytest.mark.parametrize("address", ["127.0.0.1:http", "127.0.0.1:99999"])
async def test_invalid_address_is_an_outage(file: Path, address: str) -> None:
    with pytest.raises(OutageError, match="correct HEADRACE_CLAMD"):
        await clamav.scan(address, file)
