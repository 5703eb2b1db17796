"""Fake SNS: a certificate authority, a signing certificate, and signed messages."""

from __future__ import annotations

import base64
import functools
import itertools
import json
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID

from headrace.connectors.webhook.certificates import CertificateFetchError
from headrace.connectors.webhook.sns_signature import CONFIRMATION, NOTIFICATION, SIGNED
from headrace.connectors.webhook.x509 import TrustStore
from tests.support.records import NOW

TOPIC = "arn:aws:sns:us-east-1:000000000000:media"
CERTIFICATE_URL = f"https://sns.us-east-1.amazonaws.com/SimpleNotificationService-{'0' * 31}1.pem"
ISSUER_URL = "http://crt.test01.amazontrust.com/test01.cer"
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Holder:
    """A certificate and its key."""

    certificate: x509.Certificate
    key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey

    @property
    def pem(self) -> bytes:
        """The certificate in PEM."""
        return self.certificate.public_bytes(Encoding.PEM)

    @property
    def der(self) -> bytes:
        """The certificate in DER, the format of certificate authorities."""
        return self.certificate.public_bytes(Encoding.DER)

    @property
    def pem_with_key(self) -> bytes:
        """The certificate and the key in PEM, for a TLS server."""
        return self.pem + self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


@functools.cache
def rsa_key(name: str) -> rsa.RSAPrivateKey:
    """Return the RSA key of this name. Cached, because generation is slow."""
    return rsa.generate_private_key(65537, 2048)


class Authority:
    """A root and an issuer below it, like those of Amazon Trust Services, valid for a year before and after `now`."""

    def __init__(self, name: str = "authority", now: datetime = NOW) -> None:
        self.now = now
        self._serials = itertools.count(1)
        key = rsa_key(name)
        self.root = Holder(self._signed(self._ca(f"{name} root", key), f"{name} root", key), key)
        below = rsa_key(f"{name} issuer")
        self.issuer = Holder(self._signed(self._ca(f"{name} issuer", below), f"{name} root", key), below)

    @property
    def trust(self) -> TrustStore:
        """A trust store with only this authority's root."""
        return TrustStore((self.root.certificate,))

    def issue(
        self, *names: str, issuer_url: str = ISSUER_URL, key: Any = None, days: tuple[int, int] = (-30, 30)
    ) -> Holder:
        """Issue a certificate for names, valid between two days counted from now."""
        key = key or rsa_key(f"of {names}")
        link = x509.AccessDescription(
            AuthorityInformationAccessOID.CA_ISSUERS, x509.UniformResourceIdentifier(issuer_url)
        )
        draft = (
            self._draft(names[0], key, self.now + days[0] * DAY, self.now + days[1] * DAY)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(ca=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(x509.AuthorityInformationAccess([link]), critical=False)
        )
        by = self.issuer
        return Holder(self._signed(draft, _common_name(by.certificate), by.key), key)

    def _ca(self, name: str, key: Any) -> x509.CertificateBuilder:
        return (
            self._draft(name, key, self.now - 365 * DAY, self.now + 365 * DAY)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(_usage(ca=True), critical=True)
        )

    def _draft(self, name: str, key: Any, begin: datetime, end: datetime) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder(subject_name=_name(name), public_key=key.public_key())
            .serial_number(next(self._serials))
            .not_valid_before(begin)
            .not_valid_after(end)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        )

    def _signed(self, draft: x509.CertificateBuilder, by: str, key: Any) -> x509.Certificate:
        known = x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key())
        return draft.issuer_name(_name(by)).add_extension(known, critical=False).sign(key, hashes.SHA256())


@dataclass
class Sns:
    """Signs messages as SNS does; `fetch` serves the certificates and `asked` lists the requested URLs."""

    authority: Authority = field(default_factory=Authority)
    holder: Holder = field(init=False)
    responses: dict[str, bytes] = field(init=False)
    asked: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.holder = self.authority.issue("sns.amazonaws.com")
        self.responses = {CERTIFICATE_URL: self.holder.pem, ISSUER_URL: self.authority.issuer.der}

    async def fetch(self, url: str) -> bytes:
        """Return a certificate. Raises `CertificateFetchError` if the URL is unknown."""
        self.asked.append(url)
        if url not in self.responses:
            raise CertificateFetchError(f"{url}: HTTP 404")
        return self.responses[url]

    def notification(self, message: str, **changes: Any) -> dict[str, Any]:
        """Return the message that SNS sends for a published message."""
        given = {
            "Type": NOTIFICATION,
            "Message": message,
            "UnsubscribeURL": "https://sns.us-east-1.amazonaws.com/?gone",
        }
        return self.signed({**given, **changes})

    def confirmation(self, token: str = "secret-token", **changes: Any) -> dict[str, Any]:
        """Return the message that SNS sends for a new subscription."""
        address = f"https://sns.us-east-1.amazonaws.com/?Action=ConfirmSubscription&Token={token}"
        given = {
            "Type": CONFIRMATION,
            "Message": "You have chosen.\nVisit it.",
            "Token": token,
            "SubscribeURL": address,
        }
        return self.signed({**given, **changes})

    def signed(self, fields: dict[str, Any], key: Any = None) -> dict[str, Any]:
        """Return a message with the common fields and a signature."""
        message = {
            "MessageId": str(uuid.uuid4()),
            "TopicArn": TOPIC,
            "Timestamp": stamp(self.authority.now),
            "SignatureVersion": "2",
            "SigningCertURL": CERTIFICATE_URL,
            **fields,
        }
        names = [name for name in SIGNED.get(message["Type"], SIGNED[NOTIFICATION]) if name in message]
        text = "".join(f"{name}\n{message[name]}\n" for name in names).encode()
        digest = hashes.SHA1() if message["SignatureVersion"] == "1" else hashes.SHA256()
        signer: Any = key or self.holder.key
        signature = signer.sign(text, PKCS1v15(), digest)
        return {**message, "Signature": base64.b64encode(signature).decode()}


def stamp(time: datetime) -> str:
    """Format a timestamp like SNS."""
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def headers_of(message: dict[str, Any]) -> dict[str, str]:
    """Return the HTTP headers that SNS sends with a message."""
    return {
        "x-amz-sns-message-type": str(message.get("Type")),
        "x-amz-sns-message-id": str(message.get("MessageId")),
        "x-amz-sns-topic-arn": str(message.get("TopicArn")),
        "content-type": "text/plain; charset=UTF-8",
    }


def body_of(message: dict[str, Any]) -> bytes:
    """Serialize a message like SNS."""
    return json.dumps(message, indent=2).encode()


def _usage(ca: bool) -> x509.KeyUsage:
    never = dict.fromkeys(
        ("content_commitment", "data_encipherment", "key_agreement", "encipher_only", "decipher_only"), False
    )
    return x509.KeyUsage(digital_signature=True, key_encipherment=not ca, key_cert_sign=ca, crl_sign=ca, **never)


def _name(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _common_name(certificate: x509.Certificate) -> str:
    return str(certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value)
