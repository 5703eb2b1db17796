"""Fetch small files with aiohttp: no redirects, bounded time and size."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp

from headrace.connectors.webhook.certificates import CertificateFetchError, Fetch

SECONDS = 3.0
"""A certificate and its issuer together have to be here long before SNS hangs up, which it does after 15 s."""
LARGEST = 32_768


@asynccontextmanager
async def create_fetch(tls: ssl.SSLContext, seconds: float = SECONDS) -> AsyncIterator[Fetch]:
    """Open a client that accepts a 200 of at most 32 KiB within `seconds`, else raises `CertificateFetchError`.

    It uses the proxies that HTTPS_PROXY and HTTP_PROXY name.
    """
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(ssl=tls, force_close=True),
        timeout=aiohttp.ClientTimeout(total=seconds),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        trust_env=True,
    ) as session:

        async def fetch(url: str) -> bytes:
            try:
                async with session.get(url, allow_redirects=False) as answer:
                    if answer.status != 200:
                        raise CertificateFetchError(f"{url}: HTTP {answer.status}")
                    return await _content(answer, url)
            except TimeoutError:
                raise CertificateFetchError(f"{url}: no answer in {seconds:g} s") from None
            except aiohttp.ClientError as error:
                raise CertificateFetchError(f"{url}: {error}") from error

        yield fetch


async def _content(answer: aiohttp.ClientResponse, url: str) -> bytes:
    content = bytearray()
    async for chunk in answer.content.iter_chunked(LARGEST):
        content += chunk
        if len(content) > LARGEST:
            raise CertificateFetchError(f"{url}: more than {LARGEST} bytes")
    return bytes(content)
