"""Translates what AWS sends into records. Pure and total: whatever the bytes, there is an answer and no exception.

Kinds are told apart by what a message holds, never by configuration: a queue may carry all of them at once.

    S3 notification                 Records[]             media.uploaded, media.deleted
    EventBridge event of S3         source = aws.s3       media.uploaded, media.deleted
    Rekognition, Textract           JobId, Status, API    jobs.finished
    Transcribe, MediaConvert        source, detail        jobs.finished
    any other EventBridge event     source, detail        aws.events
    any of these inside SNS         Type = Notification
    any other SNS notification      Type = Notification   aws.events
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import orjson

from connectors import job_events, s3_events
from connectors.envelopes import envelope
from connectors.fields import moment, optional_text, text
from connectors.translation import Fact, Ignored, Refused, Translated, Translation, Unreadable
from schemas.identity import named_id
from schemas.records import AwsEvent

NESTING = 3

_CONFIRMATIONS = ("SubscriptionConfirmation", "UnsubscribeConfirmation")
_WAY = ("Signature", "SignatureVersion", "SigningCertURL", "UnsubscribeURL")
"""What in a notification is about its way here. Whoever holds the last of them can end the subscription."""


def translate(body: bytes | str, received_at: datetime) -> Translation:
    """Say which events a message tells of. `received_at` stands in where an event does not know its own time."""
    try:
        message = body if isinstance(body, str) else body.decode()
        found = orjson.loads(message)
        if not isinstance(found, dict):
            raise Unreadable("not a JSON object")
        known = _known(found, message, received_at, NESTING)
        if known is None:
            raise Unreadable("no kind of message that AWS is known to send")
        return known
    except Unreadable as error:
        return Refused("unreadable", str(error))
    except (orjson.JSONDecodeError, UnicodeError) as error:
        return Refused("not_json", str(error))


def _known(found: dict[str, Any], message: str, received_at: datetime, nesting: int) -> Translation | None:
    """Translate a message of a kind that AWS sends; None for any other."""
    if isinstance(found.get("Records"), list):
        return _records(found["Records"], received_at)
    if "TopicArn" in found and "Type" in found:
        return _notification(found, received_at, nesting)
    if found.get("Event") == "s3:TestEvent":
        return Ignored("S3 tried out a new configuration")
    if job_events.is_completion(found):
        return _completion(found, message, received_at)
    if "source" in found and "detail" in found:
        return _eventbridge(found, message, received_at)
    return None


def _records(records: list[Any], received_at: datetime) -> Translation:
    if not records:
        return Ignored("a notification of nothing")
    return Translated(tuple(_record(record, received_at) for record in records))


def _record(record: Any, received_at: datetime) -> Fact:
    if s3_events.is_notification(record):
        return s3_events.from_notification(record, received_at)
    if optional_text(record, "eventSource") != "aws:s3":
        raise Unreadable("records of another sender than S3")
    event = AwsEvent(
        source=s3_events.SOURCE,
        detail_type=text(record, "eventName"),
        occurred_at=moment(record, "eventTime", received_at),
        body=orjson.dumps(record).decode(),
    )
    return _other(event)


def _notification(found: dict[str, Any], received_at: datetime, nesting: int) -> Translation:
    kind = text(found, "Type")
    if kind in _CONFIRMATIONS:
        return Ignored("SNS asks to confirm a subscription: call ConfirmSubscription, or subscribe again")
    if kind != "Notification":
        raise Unreadable("Type is none of SNS's")
    if not nesting:
        raise Unreadable("SNS notifications inside each other")
    message = text(found, "Message")
    if message.lstrip().startswith("{"):
        known = _known(orjson.loads(message), message, received_at, nesting - 1)
        if known is not None:
            return known
    event = AwsEvent(
        source="aws.sns",
        detail_type=kind,
        event_id=optional_text(found, "MessageId") or None,
        occurred_at=moment(found, "Timestamp", received_at),
        body=orjson.dumps({name: value for name, value in found.items() if name not in _WAY}).decode(),
    )
    return Translated((_other(event),))


def _completion(found: dict[str, Any], message: str, received_at: datetime) -> Translation:
    ending = job_events.from_completion(found, received_at)
    if ending and job_events.is_ours(ending):
        return Translated((job_events.fact_of(ending),))
    event = AwsEvent(
        source=f"aws.{job_events.service_of(found)}",
        detail_type=job_events.operation_of(found),
        occurred_at=ending.moment if ending else received_at,
        body=message,
    )
    return Translated((_other(event),))


def _eventbridge(found: dict[str, Any], message: str, received_at: datetime) -> Translation:
    if s3_events.is_bridged(found):
        return Translated((s3_events.from_eventbridge(found, received_at),))
    ending = job_events.from_eventbridge(found, received_at)
    if ending and job_events.is_ours(ending):
        return Translated((job_events.fact_of(ending),))
    if job_events.is_progress(found):
        return Ignored("MediaConvert's regular word that a job goes on")
    event = AwsEvent(
        source=text(found, "source"),
        detail_type=optional_text(found, "detail-type"),
        event_id=optional_text(found, "id") or None,
        occurred_at=moment(found, "time", received_at),
        body=message,
    )
    return Translated((_other(event),))


def _other(event: AwsEvent) -> Fact:
    """Address an event that has no topic of its own; one without an id is known by what it says."""
    id_ = named_id("aws", event.source, event.detail_type, event.event_id or event.body)
    return event, envelope(event, id_, event.source, event.occurred_at)
