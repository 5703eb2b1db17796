"""Answer vectors with Headrace: `python -m conformance -- python -m conformance.adapters.headrace`."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from functools import partial
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from msgspec import to_builtins

from conformance.adapters.lines import serve
from headrace.connectors.events.parser import parse_message
from headrace.connectors.events.results import Rejected
from headrace.connectors.webhook.sns_signature import InvalidSignatureError, parse_sns_message
from headrace.connectors.webhook.x509 import SigningKey
from headrace.schemas.cloudevents import InvalidEventError, from_headers
from headrace.schemas.records import MediaDeleted, MediaUploaded
from headrace.schemas.serde import codec
from headrace.schemas.serde.codec import Codec, DecodeError
from headrace.streams.machines.local_run.batch import answer_case
from headrace.streams.machines.local_run.run import LocalSettings
from headrace.streams.routing.input_transformer import InputTransformer, RuleContext, transform
from headrace.streams.rules import InvalidPatternError, Pattern

NOW = datetime(2026, 3, 14, tzinfo=UTC)
SETTINGS = LocalSettings(datetime(2026, 1, 1, tzinfo=UTC), echo=True)
REJECTED = {"rejected": True}


def event_pattern(given: Any) -> dict[str, Any]:
    """Return the verdict of a pattern on an event."""
    try:
        return {"verdict": "match" if Pattern(given["pattern"]).matches(given["event"]) else "no match"}
    except InvalidPatternError:
        return {"verdict": "invalid pattern"}


def input_transformer(given: Any) -> dict[str, Any]:
    """Return the payload for an event."""
    transformer = InputTransformer(given["paths"], given["template"])
    return {"payload": transform(transformer, given["event"], RuleContext("rule"))}


def cloudevents_avro(known: Codec, given: Any) -> dict[str, Any]:
    """Return the attributes and the data of a Kafka record. The schemas of the vectors are Headrace's own."""
    headers = [(name, None if value is None else bytes.fromhex(value)) for name, value in given["headers"]]
    try:
        found = from_headers(headers)
        record = known.decode(None if given["value"] is None else bytes.fromhex(given["value"]))
    except (InvalidEventError, DecodeError):
        return REJECTED
    names = ("id", "source", "type", "time", "subject")
    attributes = {name: value for name in names if (value := getattr(found, name))}
    return {"attributes": attributes, "data": to_builtins(record)}


def sns_signature(given: Any) -> dict[str, Any]:
    """Return whether the key of a certificate has signed a message."""
    key = x509.load_pem_x509_certificate(given["certificate"].encode())
    public = key.public_key()
    assert isinstance(public, RSAPublicKey)
    try:
        signed = parse_sns_message(json.dumps(given["message"]).encode()).signature
    except InvalidSignatureError:
        return {"valid": False}
    signing = SigningKey(public, key.not_valid_after_utc)
    return {"valid": signing.has_signed(signed.text, signed.signature, signed.digest)}


def s3_event(given: Any) -> dict[str, Any]:
    """Return the objects that a message reports."""
    result = parse_message(given["message"], NOW)
    if isinstance(result, Rejected):
        return REJECTED
    return {"objects": [_object(record) for record, _ in getattr(result, "events", ())]}


def asl_execution(given: Any) -> dict[str, Any]:
    """Return the result of a state machine."""
    return dict(answer_case(given, SETTINGS))


def _object(record: object) -> dict[str, Any]:
    assert isinstance(record, MediaUploaded | MediaDeleted)
    asset, created = record.asset, isinstance(record, MediaUploaded)
    named = {"bucket": asset.bucket, "key": asset.key, "version_id": asset.version_id, "sequencer": asset.sequencer}
    content = {"etag": asset.etag, "size": asset.size} if created else {}
    return {"change": "created" if created else "removed", **named, **content}


if __name__ == "__main__":
    serve(
        {
            "event-pattern": event_pattern,
            "input-transformer": input_transformer,
            "cloudevents-avro": partial(cloudevents_avro, codec.load()),
            "sns-signature": sns_signature,
            "s3-event": s3_event,
            "asl-execution": asl_execution,
            "asl-specification": asl_execution,
        }
    )
