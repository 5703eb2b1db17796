"""Certificate trust and signature verification."""

from __future__ import annotations

from pathlib import Path

import certifi
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, PSS, PKCS1v15

from headrace.connectors.webhook.x509 import (
    TrustStore,
    UntrustedCertificateError,
    certificates,
    load_trust_store,
    missing_issuer,
    signing_key,
)
from tests.support.fake_sns import DAY, ISSUER_URL, Authority, rsa_key
from tests.support.records import NOW

NAMES = ("sns.amazonaws.com", "sns-signing.us-east-1.amazonaws.com")


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


@pytest.mark.parametrize("name", NAMES)
def test_trusted_certificate_returns_its_key(authority: Authority, name: str) -> None:
    holder = authority.issue(name)
    key = signing_key([holder.certificate, authority.issuer.certificate], NAMES, authority.trust, NOW)
    assert key.key.public_numbers() == holder.key.public_key().public_numbers()
    assert key.until == NOW + 30 * DAY


@pytest.mark.parametrize("name", ["sns.us-east-1.amazonaws.com", "evil.com", "amazonaws.com", "xsns.amazonaws.com"])
def test_certificate_for_another_name_is_not_trusted(authority: Authority, name: str) -> None:
    holder = authority.issue(name)
    with pytest.raises(UntrustedCertificateError, match="subjectAltName"):
        signing_key([holder.certificate, authority.issuer.certificate], NAMES, authority.trust, NOW)


@pytest.mark.parametrize("days", [(-30, -1), (1, 30)], ids=["expired", "not yet valid"])
def test_certificate_outside_its_validity_period_is_not_trusted(authority: Authority, days: tuple[int, int]) -> None:
    holder = authority.issue(*NAMES, days=days)
    with pytest.raises(UntrustedCertificateError, match="not valid at validation time"):
        signing_key([holder.certificate, authority.issuer.certificate], NAMES, authority.trust, NOW)


def test_certificate_of_another_authority_is_not_trusted(authority: Authority) -> None:
    other = Authority("other")
    holder = other.issue(*NAMES)
    with pytest.raises(UntrustedCertificateError):
        signing_key([holder.certificate, other.issuer.certificate], NAMES, authority.trust, NOW)
    with pytest.raises(UntrustedCertificateError):
        signing_key([holder.certificate, authority.issuer.certificate], NAMES, authority.trust, NOW)


def test_leaf_certificate_cannot_issue_certificates(authority: Authority) -> None:
    """A leaf certificate of a trusted chain is not an authority."""
    evil = Authority("evil")
    evil.issuer = authority.issue("evil issuer")
    holder = evil.issue(*NAMES)
    chain = [holder.certificate, evil.issuer.certificate, authority.issuer.certificate]
    with pytest.raises(UntrustedCertificateError):
        signing_key(chain, NAMES, authority.trust, NOW)


def test_non_rsa_key_is_not_trusted(authority: Authority) -> None:
    holder = authority.issue(*NAMES, key=ec.generate_private_key(ec.SECP256R1()))
    with pytest.raises(UntrustedCertificateError, match="not RSA"):
        signing_key([holder.certificate, authority.issuer.certificate], NAMES, authority.trust, NOW)


def test_known_issuer_is_not_fetched(authority: Authority) -> None:
    holder = authority.issue(*NAMES)
    known = load_trust_store(authority.root.pem + authority.issuer.pem)
    assert missing_issuer([holder.certificate], known) is None
    assert signing_key([holder.certificate], NAMES, known, NOW).until == NOW + 30 * DAY
    assert missing_issuer([holder.certificate, authority.issuer.certificate], authority.trust) is None


def test_unknown_issuer_url_is_read_from_the_certificate(authority: Authority) -> None:
    assert missing_issuer([authority.issue(*NAMES).certificate], authority.trust) == ISSUER_URL


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/latest/meta-data.cer",
        "http://crt.r2m01.amazontrust.com.evil.com/r2m01.cer",
        "http://evil.com/crt.r2m01.amazontrust.com/r2m01.cer",
        "http://crt.r2m01.amazontrust.com:80/r2m01.cer",
        "http://crt.r2m01.amazontrust.com@evil.com/r2m01.cer",
        "http://crt.evil.com/r2m01.amazontrust.com/r2m01.cer",
        "http://crt.r2m01.amazontrust.com/r2m01.cer?to=evil.com",
        "http://crt.r2m01.amazontrust.com/../r2m01.cer",
        "ldap://crt.r2m01.amazontrust.com/r2m01.cer",
        "file:///etc/r2m01.cer",
    ],
)
def test_issuer_url_must_be_amazon_trust_services(authority: Authority, url: str) -> None:
    with pytest.raises(UntrustedCertificateError, match="HEADRACE_WEBHOOK_CA_FILE"):
        missing_issuer([authority.issue(*NAMES, issuer_url=url).certificate], authority.trust)


def test_certificate_without_an_issuer_url_is_not_trusted() -> None:
    with pytest.raises(UntrustedCertificateError, match="HEADRACE_WEBHOOK_CA_FILE"):
        missing_issuer([Authority("other").issuer.certificate], TrustStore(()))


def test_pem_and_der_are_accepted(authority: Authority) -> None:
    assert certificates(authority.root.pem + authority.issuer.pem) == [
        authority.root.certificate,
        authority.issuer.certificate,
    ]
    assert certificates(authority.issuer.der) == [authority.issuer.certificate]


@pytest.mark.parametrize(
    "content", [b"", b"<html>", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", b"\x30"]
)
def test_invalid_certificate_is_not_trusted(content: bytes) -> None:
    with pytest.raises(UntrustedCertificateError):
        certificates(content)


def test_public_roots_and_a_custom_bundle_are_trusted(authority: Authority) -> None:
    public = Path(certifi.where()).read_bytes()
    assert len(load_trust_store(public).roots) > 50
    assert load_trust_store(public, authority.root.pem + authority.issuer.pem).roots[-1] == authority.root.certificate
    with pytest.raises(ValueError, match="PEM"):
        load_trust_store(public, b"nothing")


@pytest.mark.parametrize(("digest", "algorithm"), [("sha1", hashes.SHA1()), ("sha256", hashes.SHA256())])
def test_signature_is_valid_only_for_its_text_digest_and_key(
    authority: Authority, digest: str, algorithm: hashes.HashAlgorithm
) -> None:
    holder = authority.issue(*NAMES)
    key = signing_key([holder.certificate, authority.issuer.certificate], NAMES, authority.trust, NOW)
    signature = rsa_key(f"of {NAMES}").sign(b"text", PKCS1v15(), algorithm)
    other = {"sha1": "sha256", "sha256": "sha1"}[digest]
    assert key.has_signed(b"text", signature, digest)
    assert not key.has_signed(b"text", signature, other)
    assert not key.has_signed(b"Text", signature, digest)
    assert not key.has_signed(b"text", signature[:-1], digest)
    assert not key.has_signed(b"text", b"", digest)
    assert not key.has_signed(b"text", rsa_key("another").sign(b"text", PKCS1v15(), algorithm), digest)
    probabilistic = PSS(MGF1(algorithm), PSS.MAX_LENGTH)
    assert not key.has_signed(b"text", rsa_key(f"of {NAMES}").sign(b"text", probabilistic, algorithm), digest)
