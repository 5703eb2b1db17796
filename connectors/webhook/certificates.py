"""Cache of SNS signing keys: each is fetched once, verified against the trusted roots, and kept until it expires."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime

from headrace.connectors.webhook.sns_signature import SnsMessage, certificate_names
from headrace.connectors.webhook.x509 import (
    SigningKey,
    TrustStore,
    certificates,
    missing_issuer,
    signing_key,
)

MAX_CONCURRENT = 8
KEPT = 64

Fetch = Callable[[str], Awaitable[bytes]]
"""Fetches a URL. Raises `CertificateFetchError`."""


class CertificateFetchError(Exception):
    """A certificate could not be fetched; the text gives the reason."""


class CertificateCache:
    """Returns the signing key of a message. Concurrent calls for one key share a fetch."""

    def __init__(self, fetch: Fetch, trusted: TrustStore, clock: Callable[[], datetime]) -> None:
        self._fetch = fetch
        self._trusted = trusted
        self._clock = clock
        self._keys: dict[str, SigningKey] = {}
        self._fetching: dict[str, asyncio.Task[SigningKey]] = {}

    async def key(self, message: SnsMessage) -> SigningKey:
        """Return the key of the certificate that a message names.

        Raises `CertificateFetchError` or `UntrustedCertificateError`.
        """
        url = message.signature.certificate_url
        known = self._keys.get(url)
        if known is not None and self._clock() < known.until:
            return known
        task = self._fetching.get(url)
        if task is None:
            if len(self._fetching) >= MAX_CONCURRENT:
                raise CertificateFetchError(f"{MAX_CONCURRENT} certificates are being fetched already")
            task = asyncio.create_task(self._fetched(url, certificate_names(message.topic_arn)))
            self._fetching[url] = task
            task.add_done_callback(lambda _: self._fetching.pop(url))
        # A cancelled caller must not cancel the fetch for the others.
        return await asyncio.shield(task)

    async def _fetched(self, url: str, names: tuple[str, ...]) -> SigningKey:
        chain = certificates(await self._fetch(url))
        issuer = missing_issuer(chain, self._trusted)
        if issuer is not None:
            chain.append(certificates(await self._fetch(issuer))[0])
        key = signing_key(chain, names, self._trusted, self._clock())
        self._keys.pop(url, None)
        while len(self._keys) >= KEPT:
            del self._keys[next(iter(self._keys))]
        self._keys[url] = key
        return key
