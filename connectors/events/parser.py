"""Parse AWS messages into events. Pure and total: every input gives a result, no exception.

The contents of a message select its source, not configuration: a queue may carry all of them.

    S3 notification                 Records[]             media.uploaded, media.deleted
    notification of another service Records[]             aws.events
    EventBridge event of S3         source = aws.s3       media.uploaded, media.deleted
    Rekognition, Textract           JobId, Status, API    jobs.finished
    Polly                           taskId, taskStatus    jobs.finished
    Transcribe, MediaConvert        source, detail        jobs.finished
    any other EventBridge event     source, detail        aws.events
    any of these inside SNS         Type, TopicArn
    SNS as Lambda receives it       Records[].Sns         as inside SNS
    any other SNS notification      Type, TopicArn        aws.events

`sources.py` lists the sources.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec
import orjson
from msgspec import Raw, Struct, field

from headrace.connectors.events import sources
from headrace.connectors.events.aws_event import aws_event, checked_body
from headrace.connectors.events.decoding import ABSENT, JsonText, json_decoder, parse_timestamp_lenient
from headrace.connectors.events.results import (
    EventWithMetadata,
    Ignored,
    Parsed,
    ParseError,
    ParseResult,
    Rejected,
)

NESTING = 3
NAMED = 5
"""At most this many unparseable records of one message are named in a rejection."""

BY_FORM = sources.by_form()

_CONFIRMATIONS = ("SubscriptionConfirmation", "UnsubscribeConfirmation")
_DELIVERY_MEMBERS = ("signature", "signatureversion", "signingcerturl", "unsubscribeurl")
"""Members about the delivery of a notification, in lower case: Lambda receives the last two with `Url` at the end.

The last one would let its reader end the subscription.
"""


class _Message(Struct, gc=False):
    """The members that identify the form of a message."""

    records: list[Raw] | None = field(name="Records", default=None)
    type: str | None = field(name="Type", default=None)
    topic_arn: str | None = field(name="TopicArn", default=None)
    event: str | None = field(name="Event", default=None)
    source: str | None = None
    detail: Raw = ABSENT


class _Record(Struct, gc=False, rename="camel"):
    event_source: JsonText
    event_name: JsonText
    event_time: object = None


class _SnsRecord(Struct, rename="pascal"):
    """A notification as Lambda receives it. Source: AWS Lambda Developer Guide, "Invoke Lambda with SNS"."""

    event_source: Literal["aws:sns"]
    sns: Raw


class _Notification(Struct, rename="pascal"):
    type: str
    message: str = ""
    message_id: str | None = None
    timestamp: object = None


class _Event(Struct, rename="kebab"):
    source: JsonText
    detail_type: str = ""
    id: str | None = None


_message = msgspec.json.Decoder(_Message).decode
_members = msgspec.json.Decoder(dict[str, Raw]).decode
_record = json_decoder(_Record)
_sns_record = json_decoder(_SnsRecord)
_notification = json_decoder(_Notification)
_event = json_decoder(_Event)


def parse_message(body: bytes | str, received_at: datetime) -> ParseResult:
    """Parse the events of a message. `received_at` stands in for an event without a time."""
    try:
        result = _parse_known(body if isinstance(body, str) else body.decode(), received_at, NESTING)
        if result is None:
            raise ParseError("not a message of a known AWS service")
        return result
    except ParseError as error:
        return Rejected("unreadable", str(error))
    except (msgspec.DecodeError, orjson.JSONDecodeError, UnicodeError) as error:
        return Rejected("not_json", str(error))
    except RecursionError:
        return Rejected("not_json", "nested too deeply")


def _parse_known(message: str, received_at: datetime, nesting: int) -> ParseResult | None:
    """Parse a message of a known form; None for any other JSON."""
    try:
        known = _message(message)
    except msgspec.ValidationError:
        return None
    if known.records is not None:
        return _records(known.records, received_at, nesting)
    if known.topic_arn is not None and known.type is not None:
        return _from_sns(message, known.topic_arn, received_at, nesting)
    if known.event == "s3:TestEvent":
        return Ignored("S3 test event")
    members = _members(message)
    for source in BY_FORM["message"]:
        if source.matches("", "", members):
            return _result(source.parse(message, received_at))
    if known.source is not None and known.detail:
        return _from_eventbridge(message, received_at)
    return None


def _result(parsed: EventWithMetadata | Ignored | None) -> ParseResult | None:
    return parsed if parsed is None or isinstance(parsed, Ignored) else Parsed((parsed,))


def _records(records: list[Raw], received_at: datetime, nesting: int) -> ParseResult:
    """Parse each record. An unparseable one rejects the message; the others keep their events."""
    events: list[EventWithMetadata] = []
    errors = []
    ignored = Ignored("notification without records")
    for number, record in enumerate(records):
        try:
            result = _from_record(record, received_at, nesting)
        except ParseError as error:
            result = Rejected("unreadable", str(error))
        if isinstance(result, Ignored):
            ignored = result
            continue
        events += result.events
        if isinstance(result, Rejected):
            errors.append(f"Records[{number}]: {result.reason}")
    if not errors:
        return Parsed(tuple(events)) if events else ignored
    more = [f"and {len(errors) - NAMED} more"] if len(errors) > NAMED else []
    return Rejected("unreadable", "; ".join(errors[:NAMED] + more), tuple(events))


def _from_record(record: Raw, received_at: datetime, nesting: int) -> ParseResult:
    try:
        header = _record(record)
    except ParseError as error:
        return _from_sns_record(record, received_at, nesting, error)
    for source in BY_FORM["record"]:
        if source.matches(header.event_source, header.event_name, ()):
            event = source.parse(record, received_at)
            if isinstance(event, tuple):
                return Parsed((event,))
    occurred_at = parse_timestamp_lenient(header.event_time, received_at)
    name = header.event_source.replace(":", ".", 1)  # as EventBridge spells it
    return Parsed((aws_event(name, header.event_name, occurred_at, checked_body(bytes(record).decode())),))


def _from_sns_record(record: Raw, received_at: datetime, nesting: int, error: ParseError) -> ParseResult:
    """Parse a notification that Lambda received and a function forwarded. Raises `error` for another record."""
    try:
        message = bytes(_sns_record(record).sns).decode()
        known = _message(message)
    except (ParseError, msgspec.ValidationError):
        raise error from None
    if known.topic_arn is None or known.type is None:
        raise error
    return _from_sns(message, known.topic_arn, received_at, nesting)


def _from_sns(message: str, topic_arn: str, received_at: datetime, nesting: int) -> ParseResult:
    notification = _notification(message)
    if notification.type in _CONFIRMATIONS:
        reason = f"{topic_arn[:256]} sent a {notification.type}: the owner of the queue must confirm it"
        return Ignored(reason, notable=True)
    if notification.type != "Notification":
        raise ParseError("Type is not a type of SNS message")
    if not nesting:
        raise ParseError("SNS notifications nested too deeply")
    if notification.message.lstrip().startswith("{"):
        inner = _parse_known(notification.message, received_at, nesting - 1)
        if inner is not None:
            return inner
    members = orjson.loads(message)
    body = orjson.dumps({name: members[name] for name in members if name.lower() not in _DELIVERY_MEMBERS}).decode()
    occurred_at = parse_timestamp_lenient(notification.timestamp, received_at)
    return Parsed((aws_event("aws.sns", notification.type, occurred_at, body, notification.message_id),))


def _from_eventbridge(message: str, received_at: datetime) -> ParseResult | None:
    header = _event(message)
    for source in BY_FORM["event"]:
        if source.matches(header.source, header.detail_type, ()):
            result = _result(source.parse(message, received_at))
            if result is not None:
                return result
    return None
