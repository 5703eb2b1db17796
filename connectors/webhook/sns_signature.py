"""Parse SNS messages: the signed text and the URL of the certificate. Pure; verifies no signature.

Source: Amazon SNS Developer Guide, "Verifying the signatures of Amazon SNS messages".
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson

NOTIFICATION = "Notification"
CONFIRMATION = "SubscriptionConfirmation"
UNSUBSCRIBE = "UnsubscribeConfirmation"

_OF_SUBSCRIPTION = ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type")
SIGNED = {
    NOTIFICATION: ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    CONFIRMATION: _OF_SUBSCRIPTION,
    UNSUBSCRIBE: _OF_SUBSCRIPTION,
}
"""The signed fields in their order. `Subject` is signed if present."""

DIGESTS = {"1": "sha1", "2": "sha256"}
"""The digest of each signature version. The topic attribute `SignatureVersion` selects it."""

# Excludes FIFO topics, whose names contain a dot: they do not deliver over HTTPS.
TOPIC_ARN = re.compile(
    r"arn:(?P<partition>aws|aws-cn|aws-us-gov):sns:(?P<region>[a-z]{2}(-[a-z]+)+-[0-9]):[0-9]{12}:[A-Za-z0-9_-]{1,256}"
)
_MESSAGE_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class InvalidSignatureError(Exception):
    """A message is not a valid SNS message. The text names the invalid part and quotes nothing of the message."""


@dataclass(frozen=True, slots=True)
class SnsSignature:
    """A signature to verify: of `text`, by the key of the certificate at `certificate_url`."""

    text: bytes = field(repr=False)
    signature: bytes = field(repr=False)
    digest: str
    certificate_url: str


@dataclass(frozen=True, slots=True)
class SnsMessage:
    """A well-formed SNS message. `signature` is not verified yet."""

    type: str
    id: str
    topic_arn: str
    sent_at: datetime
    signed: dict[str, str] = field(repr=False)
    signature: SnsSignature

    @property
    def token(self) -> str:
        """The secret that confirms a subscription; empty in a notification."""
        return self.signed.get("Token", "")

    @property
    def document(self) -> bytes:
        """The signed fields as JSON."""
        return orjson.dumps(self.signed)


def parse_sns_message(body: bytes) -> SnsMessage:
    """Parse the body of a request. Raises `InvalidSignatureError`.

    Only `Message` may contain line breaks. In any other field they would allow the same signed text to be split into
    different fields.
    """
    found = _object(body)
    kind = found.get("Type")
    if not isinstance(kind, str) or kind not in SIGNED:
        raise InvalidSignatureError("Type is unknown")
    names = [name for name in SIGNED[kind] if name != "Subject" or found.get(name) is not None]
    signed = {name: _text(found, name) for name in names}
    for name in names:
        if name != "Message" and "\n" in signed[name]:
            raise InvalidSignatureError(f"{name} has more than one line")
    if not _MESSAGE_ID.fullmatch(signed["MessageId"]):
        raise InvalidSignatureError("MessageId is not an SNS message id")
    return SnsMessage(
        type=kind,
        id=signed["MessageId"],
        topic_arn=signed["TopicArn"],
        sent_at=_timestamp(signed["Timestamp"]),
        signed=signed,
        signature=_proof(found, signed),
    )


def certificate_names(topic_arn: str) -> tuple[str, ...]:
    """Return the names that a certificate of SNS may have in a topic's region.

    Source: `SnsHostProvider` of the AWS SDK for Java 2. Opt-in regions have their own name. The list of
    these regions changes, so both names are accepted; only AWS gets certificates for either.
    """
    partition, region = _place(topic_arn)
    if partition == "aws-cn":
        return (f"sns-{region}.amazonaws.com.cn",)
    if partition == "aws-us-gov":
        return ("sns-us-gov-west-1.amazonaws.com",)
    return "sns.amazonaws.com", f"sns-signing.{region}.amazonaws.com"


def _proof(found: dict[str, Any], signed: dict[str, str]) -> SnsSignature:
    version, url = _text(found, "SignatureVersion"), _text(found, "SigningCertURL")
    if version not in DIGESTS:
        raise InvalidSignatureError("SignatureVersion is neither 1 nor 2")
    if not _certificate_url(signed["TopicArn"]).fullmatch(url):
        raise InvalidSignatureError("SigningCertURL is not an SNS certificate URL in the region of the topic")
    try:
        signature = base64.b64decode(_text(found, "Signature"), validate=True)
    except ValueError:
        raise InvalidSignatureError("Signature is not base64") from None
    text = "".join(f"{name}\n{value}\n" for name, value in signed.items())
    return SnsSignature(text.encode(), signature, DIGESTS[version], url)


def _certificate_url(topic_arn: str) -> re.Pattern[str]:
    """Match the whole URL, so that a parser and the HTTP client cannot disagree about it."""
    partition, region = _place(topic_arn)
    host = f"sns.{region}.amazonaws.com" + (".cn" if partition == "aws-cn" else "")
    return re.compile(rf"https://{re.escape(host)}/SimpleNotificationService-[0-9a-f]{{32}}\.pem")


def _place(topic_arn: str) -> tuple[str, str]:
    found = TOPIC_ARN.fullmatch(topic_arn)
    if found is None:
        raise InvalidSignatureError("TopicArn is not the ARN of a standard topic")
    return found["partition"], found["region"]


def _object(body: bytes) -> dict[str, Any]:
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise InvalidSignatureError("the body is not JSON") from None
    if not isinstance(found, dict):
        raise InvalidSignatureError("the body is not a JSON object")
    return found


def _text(found: dict[str, Any], name: str) -> str:
    value = found.get(name)
    if not isinstance(value, str) or not value:
        raise InvalidSignatureError(f"{name} is not a string")
    return value


def _timestamp(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidSignatureError("Timestamp is not in ISO 8601") from None
    if found.tzinfo is None:
        raise InvalidSignatureError("Timestamp has no time zone")
    return found
