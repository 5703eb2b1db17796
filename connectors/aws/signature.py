"""Verify the Signature Version 4 of a request, in the Authorization header or in the query (presigned URL).

Source: AWS IAM User Guide, "Create a signed AWS API request".
"""

from __future__ import annotations

import hashlib
import hmac
import posixpath
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, quote

from headrace.connectors.aws.sigv4 import ALGORITHM, AwsCredentials, SigningScope, compute_signature

CLOCK_SKEW = timedelta(minutes=15)
MAX_EXPIRY_SECONDS = 7 * 24 * 3600
"""Maximum life of a presigned URL: https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html"""

UNSIGNED = "UNSIGNED-PAYLOAD"


class AccessDeniedError(Exception):
    """A request that is refused: the AWS error code and the message."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A request without its body: the path as sent, still percent-encoded, and headers with lower-case names."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]

    @property
    def body_is_signed(self) -> bool:
        """Whether the signature covers the body itself and not a hash in a header."""
        return "x-amz-content-sha256" not in self.headers and "X-Amz-Signature=" not in self.query


@dataclass(frozen=True, slots=True)
class RequestSignature:
    """The parts of a signature. `lifetime` is how long it is valid; `presigned`: it is in the query."""

    access: str
    day: str
    scope: SigningScope
    signed_headers: tuple[str, ...]
    timestamp: str
    lifetime: timedelta
    value: str
    presigned: bool


def verify(request: HttpRequest, body: bytes, keys: AwsCredentials, now: datetime) -> SigningScope:
    """Return the region and service of a correctly signed request. `now` is in UTC.

    `body` is used only if `request.body_is_signed`.

    Raises:
        AccessDeniedError: The request is unsigned, expired, or signed with another key.
    """
    signature = _from_query(request.query) if "X-Amz-Signature=" in request.query else _from_header(request.headers)
    if not hmac.compare_digest(signature.access.encode(), keys.access.encode()):
        raise AccessDeniedError("InvalidAccessKeyId", "The access key is not the one of this server.")
    if "host" not in signature.signed_headers:
        raise AccessDeniedError("SignatureDoesNotMatch", "The signature does not cover the header host.")
    _check_time(signature, now)
    canonical = _canonical_request(request, signature, body)
    expected = compute_signature(keys.secret, signature.timestamp, signature.scope, canonical)
    if signature.day != signature.timestamp[:8] or not hmac.compare_digest(expected, signature.value):
        raise AccessDeniedError("SignatureDoesNotMatch", "The signature does not match the request.")
    return signature.scope


def _from_header(headers: Mapping[str, str]) -> RequestSignature:
    algorithm, _, rest = headers.get("authorization", "").partition(" ")
    if algorithm != ALGORITHM:
        raise AccessDeniedError(
            "MissingAuthenticationToken",
            "The request is not signed. For a sandbox, `headrace sandbox env` prints the access key.",
        )
    fields = dict(part.strip().partition("=")[::2] for part in rest.split(","))
    timestamp = headers.get("x-amz-date", "")
    return _signature(fields, timestamp, CLOCK_SKEW, presigned=False)


def _from_query(query: str) -> RequestSignature:
    fields = {name.removeprefix("X-Amz-"): value for name, value in parse_qsl(query) if name.startswith("X-Amz-")}
    expires = fields.get("Expires", "")
    if fields.get("Algorithm") != ALGORITHM or not (expires.isascii() and expires.isdigit() and len(expires) <= 6):
        raise AccessDeniedError("AuthorizationQueryParametersError", "The presigned URL is invalid.")
    lifetime = timedelta(seconds=min(int(expires), MAX_EXPIRY_SECONDS))
    return _signature(fields, fields.get("Date", ""), lifetime, presigned=True)


def _signature(fields: Mapping[str, str], timestamp: str, lifetime: timedelta, *, presigned: bool) -> RequestSignature:
    credential = fields.get("Credential", "").split("/")
    if len(credential) != 5 or credential[4] != "aws4_request":
        raise AccessDeniedError("IncompleteSignature", "Credential has the form KEY/DATE/REGION/SERVICE/aws4_request.")
    access, day, region, service, _ = credential
    signed_headers = tuple(fields.get("SignedHeaders", "").split(";"))
    scope = SigningScope(region, service)
    value = fields.get("Signature", "")
    if not value.isascii():
        raise AccessDeniedError("IncompleteSignature", "Signature is hexadecimal.")
    return RequestSignature(access, day, scope, signed_headers, timestamp, lifetime, value, presigned)


def _check_time(signature: RequestSignature, now: datetime) -> None:
    try:
        signed_at = datetime.strptime(signature.timestamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        raise AccessDeniedError("IncompleteSignature", "The request has no valid X-Amz-Date.") from None
    if not -CLOCK_SKEW <= now - signed_at <= signature.lifetime:
        raise AccessDeniedError("RequestTimeTooSkewed", f"The signature of {signature.timestamp} is not valid now.")


def _canonical_request(request: HttpRequest, signature: RequestSignature, body: bytes) -> str:
    lines = "".join(f"{name}:{' '.join(request.headers.get(name, '').split())}\n" for name in signature.signed_headers)
    path = request.path if signature.scope.service == "s3" else _normalised(request.path)
    payload = request.headers.get("x-amz-content-sha256") or _payload_hash(signature, body)
    names = ";".join(signature.signed_headers)
    return f"{request.method}\n{path}\n{_canonical_query(request.query)}\n{lines}\n{names}\n{payload}"


def _payload_hash(signature: RequestSignature, body: bytes) -> str:
    if signature.presigned and signature.scope.service == "s3":
        return UNSIGNED
    return hashlib.sha256(b"" if signature.presigned else body).hexdigest()


def _normalised(path: str) -> str:
    """Return the path without dot segments and empty segments, percent-encoded once more, as all services but S3 do."""
    plain = posixpath.normpath(f"/{path.lstrip('/')}")
    return quote(plain + ("/" if path.endswith("/") and plain != "/" else ""), safe="/~")


def _canonical_query(query: str) -> str:
    pairs = [pair.partition("=") for pair in query.split("&") if pair and not pair.startswith("X-Amz-Signature=")]
    return "&".join(f"{name}={value}" for name, _, value in sorted(pairs))
