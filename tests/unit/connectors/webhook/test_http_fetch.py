"""HTTP fetch: limits, redirects and errors."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from headrace.connectors.webhook.certificates import CertificateFetchError
from headrace.connectors.webhook.http_fetch import LARGEST, create_fetch

Answer = Callable[[asyncio.StreamWriter], Awaitable[None]]


class Server:
    """A web server that answers every request in the same way; `asked` has the request lines."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self.asked: list[str] = []

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.asked.append((await reader.readuntil(b"\r\n\r\n")).partition(b"\r\n")[0].decode())
        try:
            await self._answer(writer)
        except ConnectionError:
            return
        finally:
            writer.close()


@asynccontextmanager
async def serving(answer: Answer) -> AsyncIterator[tuple[Server, str]]:
    server = Server(answer)
    listening = await asyncio.start_server(server, "127.0.0.1", 0)
    async with listening:
        yield server, f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"


async def get(url: str, seconds: float = 5.0) -> bytes:
    async with create_fetch(ssl.create_default_context(), seconds) as fetch:
        return await fetch(url)


def plain(head: str, body: bytes = b"") -> Answer:
    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write(f"HTTP/1.1 {head}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
        await writer.drain()

    return answer


async def endless(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        writer.write(b"x" * 10_000)
        await writer.drain()


async def dripping(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    while True:
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(0.02)


async def silent(writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(3600)


async def test_body_is_fetched() -> None:
    async with serving(plain("200 OK", b"c" * LARGEST)) as (server, url):
        assert await get(url + "/a.pem") == b"c" * LARGEST
    assert server.asked == ["GET /a.pem HTTP/1.1"]


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"])
async def test_redirect_is_not_followed(status: str) -> None:
    async with (
        serving(plain("200 OK", b"inside")) as (inside, where),
        serving(plain(f"{status}\r\nLocation: {where}/latest/meta-data")) as (_, url),
    ):
        with pytest.raises(CertificateFetchError, match="HTTP 30"):
            await get(url)
    assert inside.asked == []


@pytest.mark.parametrize("status", ["404 Not Found", "500 Broken", "204 Nothing", "206 Partial"])
async def test_status_other_than_200_is_rejected(status: str) -> None:
    async with serving(plain(status)) as (_, url):
        with pytest.raises(CertificateFetchError, match="HTTP"):
            await get(url)


@pytest.mark.parametrize("answer", [endless, plain("200 OK", b"x" * (LARGEST + 1))], ids=["endless", "one too many"])
async def test_oversized_response_is_not_read_completely(answer: Answer) -> None:
    async with serving(answer) as (_, url):
        with pytest.raises(CertificateFetchError, match="more than 32768 bytes"):
            await get(url)


@pytest.mark.parametrize("answer", [dripping, silent])
async def test_slow_server_times_out(answer: Answer) -> None:
    async with serving(answer) as (_, url):
        with pytest.raises(CertificateFetchError, match=r"no answer in 0\.2 s"):
            await get(url, seconds=0.2)


async def test_compressed_response_is_not_decompressed() -> None:
    async with serving(plain("200 OK\r\nContent-Encoding: gzip", b"\x1f\x8b bomb")) as (_, url):
        assert await get(url) == b"\x1f\x8b bomb"


async def test_unreachable_server_raises() -> None:
    with pytest.raises(CertificateFetchError):
        await get("https://127.0.0.1:9/a.pem")
