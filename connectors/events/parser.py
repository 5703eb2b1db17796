"""Translates what AWS sends into records. Pure and total: whatever the bytes, there is an answer and no exception.

Kinds are told apart by what a message holds, never by configuration: a queue may carry all of them at once.

    S3 notification                 Records[]             media.uploaded, media.deleted
    another service's               Records[]             aws.events
    EventBridge event of S3         source = aws.s3       media.uploaded, media.deleted
    Rekognition, Textract           JobId, Status, API    jobs.finished
    Polly                           taskId, taskStatus    jobs.finished
    Transcribe, MediaConvert        source, detail        jobs.finished
    any other EventBridge event     source, detail        aws.events
    any of these inside SNS         Type, TopicArn
    any other SNS notification      Type, TopicArn        aws.events
"""

from __future__ import annotations

from datetime import datetime

import msgspec
import orjson
from msgspec import Raw, Struct, field

from headrace.connectors.events import jobs, s3
from headrace.connectors.events.decoding import ABSENT, JsonText, json_decoder, parse_timestamp_lenient
from headrace.connectors.events.jobs import JobCompletion
from headrace.connectors.events.metadata import new_metadata
from headrace.connectors.events.results import (
    EventWithMetadata,
    Ignored,
    Parsed,
    ParseError,
    ParseResult,
    Rejected,
)
from headrace.schemas.ids import named_id
from headrace.schemas.records import AwsEvent

NESTING = 3
NAMED = 5
"""How many unreadable records of one message a refusal names."""

_CONFIRMATIONS = ("SubscriptionConfirmation", "UnsubscribeConfirmation")
_WAY = ("Signature", "SignatureVersion", "SigningCertURL", "UnsubscribeURL")
"""What in a notification is about its way here. Whoever holds the last of them can end the subscription."""


class _Message(Struct, gc=False):
    """What tells the kinds of messages apart."""

    records: list[Raw] | None = field(name="Records", default=None)
    type: str | None = field(name="Type", default=None)
    topic_arn: str | None = field(name="TopicArn", default=None)
    event: str | None = field(name="Event", default=None)
    job_id: Raw = field(name="JobId", default=ABSENT)
    status: Raw = field(name="Status", default=ABSENT)
    operation: Raw = field(name="API", default=ABSENT)
    task_id: Raw = field(name="taskId", default=ABSENT)
    task_status: Raw = field(name="taskStatus", default=ABSENT)
    source: str | None = None
    detail: Raw = ABSENT


class _Record(Struct, gc=False, rename="camel"):
    event_source: JsonText
    event_name: JsonText
    event_time: object = None


class _Notification(Struct, rename="pascal"):
    type: str
    message: str = ""
    message_id: str | None = None
    timestamp: object = None


class _Event(Struct, rename="kebab"):
    source: JsonText
    detail_type: str = ""
    id: str | None = None
    time: object = None


_message = msgspec.json.Decoder(_Message).decode
_record = json_decoder(_Record)
_notification = json_decoder(_Notification)
_event = json_decoder(_Event)


def parse_message(body: bytes | str, received_at: datetime) -> ParseResult:
    """Say which events a message tells of. `received_at` stands in where an event does not know its own time."""
    try:
        known = _parse_known(body if isinstance(body, str) else body.decode(), received_at, NESTING)
        if known is None:
            raise ParseError("no kind of message that AWS is known to send")
        return known
    except ParseError as error:
        return Rejected("unreadable", str(error))
    except (msgspec.DecodeError, orjson.JSONDecodeError, UnicodeError) as error:
        return Rejected("not_json", str(error))
    except RecursionError:
        return Rejected("not_json", "nested too deeply")


def _parse_known(message: str, received_at: datetime, nesting: int) -> ParseResult | None:
    """Translate a message of a kind that AWS sends; None for any other that is JSON."""
    try:
        found = _message(message)
    except msgspec.ValidationError:
        return None
    if found.records is not None:
        return _records(found.records, received_at)
    if found.topic_arn is not None and found.type is not None:
        return _notified(message, found.topic_arn, received_at, nesting)
    if found.event == "s3:TestEvent":
        return Ignored("S3 tried out a new configuration")
    if found.job_id and found.status and found.operation:
        return _ended(jobs.from_completion(message, received_at), message)
    if found.task_id and found.task_status:
        return _ended(jobs.from_polly(message, received_at), message)
    if found.source is not None and found.detail:
        return _eventbridge(message, received_at)
    return None


def _records(records: list[Raw], received_at: datetime) -> ParseResult:
    """Translate what can be read. A record that cannot refuses the message, and takes no other down with it."""
    if not records:
        return Ignored("a notification of nothing")
    facts, bad = [], []
    for number, record in enumerate(records):
        try:
            facts.append(_from_record(record, received_at))
        except ParseError as error:
            bad.append(f"Records[{number}]: {error}")
    if not bad:
        return Parsed(tuple(facts))
    more = [f"and {len(bad) - NAMED} more"] if len(bad) > NAMED else []
    return Rejected("unreadable", "; ".join(bad[:NAMED] + more), tuple(facts))


def _from_record(record: Raw, received_at: datetime) -> EventWithMetadata:
    found = _record(record)
    if found.event_source == "aws:s3" and s3.is_notification(found.event_name):
        return s3.from_notification(record, received_at)
    event = AwsEvent(
        source=found.event_source.replace(":", ".", 1),  # as EventBridge spells it
        detail_type=found.event_name,
        occurred_at=parse_timestamp_lenient(found.event_time, received_at),
        body=_raw_body(bytes(record).decode()),
    )
    return _to_event(event)


def _notified(message: str, topic_arn: str, received_at: datetime, nesting: int) -> ParseResult:
    found = _notification(message)
    if found.type in _CONFIRMATIONS:
        return Ignored(f"{topic_arn[:256]} asks to confirm: let the queue's owner subscribe", notable=True)
    if found.type != "Notification":
        raise ParseError("Type is none of SNS's")
    if not nesting:
        raise ParseError("SNS notifications inside each other")
    if found.message.lstrip().startswith("{"):
        known = _parse_known(found.message, received_at, nesting - 1)
        if known is not None:
            return known
    notification = orjson.loads(message)
    event = AwsEvent(
        source="aws.sns",
        detail_type=found.type,
        event_id=found.message_id or None,
        occurred_at=parse_timestamp_lenient(found.timestamp, received_at),
        body=orjson.dumps({name: notification[name] for name in notification if name not in _WAY}).decode(),
    )
    return Parsed((_to_event(event),))


def _ended(ending: JobCompletion, message: str) -> ParseResult:
    if jobs.is_headrace_job(ending):
        return Parsed((jobs.to_event(ending),))
    event = AwsEvent(
        source=f"aws.{ending.service}",
        detail_type=ending.operation,
        occurred_at=ending.time,
        body=_raw_body(message),
    )
    return Parsed((_to_event(event),))


def _eventbridge(message: str, received_at: datetime) -> ParseResult:
    found = _event(message)
    if s3.is_bridged(found.source, found.detail_type):
        return Parsed((s3.from_eventbridge(message, received_at),))
    read = jobs.BY_EVENTBRIDGE.get(found.source)
    if read is not None:
        ending = read(message, received_at)
        if ending is None:
            return Ignored("a regular word that a job goes on")
        if jobs.is_headrace_job(ending):
            return Parsed((jobs.to_event(ending),))
    event = AwsEvent(
        source=found.source,
        detail_type=found.detail_type,
        event_id=found.id or None,
        occurred_at=parse_timestamp_lenient(found.time, received_at),
        body=_raw_body(message),
    )
    return Parsed((_to_event(event),))


def _to_event(event: AwsEvent) -> EventWithMetadata:
    """Address an event that has no topic of its own; one without an id is known by what it says."""
    id_ = named_id("aws", event.source, event.detail_type, event.event_id or event.body)
    return event, new_metadata(event, id_, event.source, event.occurred_at)


def _raw_body(message: str) -> str:
    """Give a message that others will have to read, once it is certain that they can."""
    orjson.loads(message)
    return message
