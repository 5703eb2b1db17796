"""Verify certificate chains up to a trusted root, and signatures of their keys."""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.x509.oid import AuthorityInformationAccessOID
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

_HASHES = {"sha1": SHA1, "sha256": SHA256}
_ISSUER_URL = re.compile(r"http://crt\.[a-z0-9-]{1,32}\.amazontrust\.com/[a-z0-9-]{1,32}\.cer")


class UntrustedCertificateError(Exception):
    """A certificate is not a trusted certificate of SNS."""


@dataclass(frozen=True, slots=True)
class TrustStore:
    """Trusted `roots`, and intermediate `issuers`, which are verified like any other certificate."""

    roots: tuple[x509.Certificate, ...]
    issuers: tuple[x509.Certificate, ...] = ()


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A signing key of SNS, valid `until` its certificate expires."""

    key: RSAPublicKey
    until: datetime

    def has_signed(self, text: bytes, signature: bytes, digest: str) -> bool:
        """Whether the RSA PKCS #1 v1.5 signature of `text` is valid; `digest` is sha1 or sha256."""
        try:
            self.key.verify(signature, text, PKCS1v15(), _HASHES[digest]())
        except InvalidSignature:
            return False
        return True


def load_trust_store(*bundles: bytes) -> TrustStore:
    """Load PEM bundles: self-issued certificates are roots, the others are intermediate issuers.

    Raises ValueError for a bundle without certificates.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about old public roots
        found = [each for bundle in bundles for each in x509.load_pem_x509_certificates(bundle)]
    roots = tuple(each for each in found if each.subject == each.issuer)
    return TrustStore(roots, tuple(each for each in found if each.subject != each.issuer))


def certificates(content: bytes) -> list[x509.Certificate]:
    """Parse PEM or DER certificates; the first is the requested one. Raises `UntrustedCertificateError`."""
    try:
        if content.lstrip().startswith(b"-----BEGIN"):
            return x509.load_pem_x509_certificates(content)
        return [x509.load_der_x509_certificate(content)]
    except ValueError:
        raise UntrustedCertificateError("not a certificate") from None


def missing_issuer(chain: Sequence[x509.Certificate], trusted: TrustStore) -> str | None:
    """Return the URL of the issuer that a chain lacks; None if the chain is complete.

    SNS serves only its leaf certificate, which contains the URL of its issuer. Only URLs of Amazon Trust Services are
    returned. They are plain HTTP: the download is trusted once a root has signed it.
    """
    known = {each.subject for each in (*trusted.roots, *trusted.issuers, *chain[1:])}
    if chain[0].issuer in known:
        return None
    for url in _issuer_urls(chain[0]):
        if _ISSUER_URL.fullmatch(url):
            return url
    raise UntrustedCertificateError("unknown issuer: add the issuing certificate to HEADRACE_WEBHOOK_CA_FILE")


def signing_key(
    chain: Sequence[x509.Certificate], names: Sequence[str], trusted: TrustStore, now: datetime
) -> SigningKey:
    """Return the key of the first certificate of a chain.

    Raises `UntrustedCertificateError` unless a trusted root issued it for one of the names.
    """
    policy = PolicyBuilder().store(Store(list(trusted.roots))).time(now)
    reason = ""
    for name in names:
        try:
            policy.build_server_verifier(x509.DNSName(name)).verify(chain[0], [*chain[1:], *trusted.issuers])
        except VerificationError as error:
            reason = reason or str(error).partition(" (")[0]
            continue
        key = chain[0].public_key()
        if not isinstance(key, RSAPublicKey):
            raise UntrustedCertificateError("the key is not RSA")
        return SigningKey(key, chain[0].not_valid_after_utc)
    raise UntrustedCertificateError(reason)


def _issuer_urls(certificate: x509.Certificate) -> list[str]:
    try:
        found = certificate.extensions.get_extension_for_class(x509.AuthorityInformationAccess).value
    except (x509.ExtensionNotFound, ValueError):
        return []
    return [
        each.access_location.value
        for each in found
        if each.access_method == AuthorityInformationAccessOID.CA_ISSUERS
        and isinstance(each.access_location, x509.UniformResourceIdentifier)
    ]
