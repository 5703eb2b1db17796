"""Certificate downloads: caching, validation and limits."""

from __future__ import annotations

import asyncio
import dataclasses
from datetime import datetime, timedelta

import pytest

from headrace.connectors.webhook.certificates import (
    KEPT,
    MAX_CONCURRENT,
    CertificateCache,
    CertificateFetchError,
)
from headrace.connectors.webhook.sns_signature import SnsMessage, parse_sns_message
from headrace.connectors.webhook.x509 import UntrustedCertificateError
from tests.support.fake_sns import CERTIFICATE_URL, DAY, ISSUER_URL, Sns, body_of
from tests.support.records import NOW


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def sns() -> Sns:
    return Sns()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def certificates(sns: Sns, clock: Clock) -> CertificateCache:
    return CertificateCache(sns.fetch, sns.authority.trust, clock)


@pytest.fixture
def message(sns: Sns) -> SnsMessage:
    return parse_sns_message(body_of(sns.notification("hello")))


def at(message: SnsMessage, url: str) -> SnsMessage:
    return dataclasses.replace(message, signature=dataclasses.replace(message.signature, certificate_url=url))


async def test_key_and_issuer_are_fetched_once(sns: Sns, certificates: CertificateCache, message: SnsMessage) -> None:
    for _ in range(3):
        key = await certificates.key(message)
        assert key.has_signed(message.signature.text, message.signature.signature, message.signature.digest)
    assert sns.asked == [CERTIFICATE_URL, ISSUER_URL]


async def test_concurrent_requests_share_one_fetch(
    sns: Sns, certificates: CertificateCache, message: SnsMessage
) -> None:
    keys = await asyncio.gather(*[certificates.key(message) for _ in range(50)])
    assert len({id(key) for key in keys}) == 1
    assert sns.asked == [CERTIFICATE_URL, ISSUER_URL]


async def test_cancelled_request_does_not_cancel_the_fetch(
    sns: Sns, certificates: CertificateCache, message: SnsMessage
) -> None:
    cancelled = asyncio.create_task(certificates.key(message))
    remaining = asyncio.create_task(certificates.key(message))
    await asyncio.sleep(0)
    cancelled.cancel()
    assert (await remaining).until == NOW + 30 * DAY
    assert sns.asked == [CERTIFICATE_URL, ISSUER_URL]


async def test_failed_fetch_is_retried(sns: Sns, certificates: CertificateCache, message: SnsMessage) -> None:
    there = sns.responses.pop(CERTIFICATE_URL)
    with pytest.raises(CertificateFetchError):
        await certificates.key(message)
    sns.responses[CERTIFICATE_URL] = there
    assert await certificates.key(message)


async def test_key_expires_with_its_certificate(
    sns: Sns, certificates: CertificateCache, message: SnsMessage, clock: Clock
) -> None:
    await certificates.key(message)
    clock.now += 30 * DAY - timedelta(seconds=1)
    assert await certificates.key(message)
    clock.now += timedelta(seconds=1, days=1)
    with pytest.raises(UntrustedCertificateError):
        await certificates.key(message)
    assert sns.asked.count(CERTIFICATE_URL) == 2


@pytest.mark.parametrize("content", [b"<html>", b"", b"\0" * 1000])
async def test_download_must_be_a_certificate(
    sns: Sns, certificates: CertificateCache, message: SnsMessage, content: bytes
) -> None:
    sns.responses[CERTIFICATE_URL] = content
    with pytest.raises(UntrustedCertificateError):
        await certificates.key(message)


async def test_issuer_must_have_signed_the_certificate(
    sns: Sns, certificates: CertificateCache, message: SnsMessage
) -> None:
    sns.responses[ISSUER_URL] = sns.authority.root.der
    with pytest.raises(UntrustedCertificateError):
        await certificates.key(message)


async def test_certificate_causes_no_other_fetch(sns: Sns, certificates: CertificateCache, message: SnsMessage) -> None:
    inside = "http://169.254.169.254/latest/meta-data/iam.cer"
    sns.responses[CERTIFICATE_URL] = sns.authority.issue("sns.amazonaws.com", issuer_url=inside).pem
    with pytest.raises(UntrustedCertificateError):
        await certificates.key(message)
    assert sns.asked == [CERTIFICATE_URL]


async def test_concurrent_fetches_are_limited(sns: Sns, clock: Clock, message: SnsMessage) -> None:
    opened = asyncio.Event()
    asked = []

    async def slow(url: str) -> bytes:
        asked.append(url)
        await opened.wait()
        return await sns.fetch(url)

    certificates = CertificateCache(slow, sns.authority.trust, clock)
    waiting = [
        asyncio.create_task(certificates.key(at(message, f"{CERTIFICATE_URL}{n}"))) for n in range(MAX_CONCURRENT)
    ]
    await asyncio.sleep(0)
    with pytest.raises(CertificateFetchError, match="already"):
        await certificates.key(message)
    opened.set()
    assert all(
        isinstance(each, CertificateFetchError) for each in await asyncio.gather(*waiting, return_exceptions=True)
    )
    assert await certificates.key(message)
    assert len(asked) == MAX_CONCURRENT + 2


async def test_number_of_cached_keys_is_limited(sns: Sns, certificates: CertificateCache, message: SnsMessage) -> None:
    urls = [f"{CERTIFICATE_URL}{number}" for number in range(KEPT + 1)]
    for url in urls:
        sns.responses[url] = sns.holder.pem
        await certificates.key(at(message, url))
    await certificates.key(at(message, urls[-1]))
    await certificates.key(at(message, urls[0]))
    assert [sns.asked.count(urls[0]), sns.asked.count(urls[-1])] == [2, 1]
