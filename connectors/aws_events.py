"""Translates what AWS sends into records. Pure and total: whatever the bytes, there is an answer and no exception.

Kinds are told apart by what a message holds, never by configuration: a queue may carry all of them at once.

    S3 notification                 Records[]             media.uploaded, media.deleted
    EventBridge event of S3         source = aws.s3       media.uploaded, media.deleted
    Rekognition, Textract           JobId, Status, API    jobs.finished
    EventBridge event, Transcribe   source, detail        jobs.finished
    any other EventBridge event     source, detail-type   aws.events
    any of these inside SNS         Type = Notification
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


def translate(body: bytes | str, received_at: datetime) -> Translation:
    """Say which events a message tells of. `received_at` stands in where an event does not know its own time."""
    try:
        return _translate(orjson.loads(body), received_at, NESTING)
    except Unreadable as error:
        return Refused("unreadable", str(error))
    except (orjson.JSONDecodeError, UnicodeError) as error:
        return Refused("not_json", str(error))


def _translate(found: Any, received_at: datetime, nesting: int) -> Translation:
    if not isinstance(found, dict):
        raise Unreadable("not a JSON object")
    if found.get("Type") == "Notification" and "Message" in found:
        if not nesting:
            raise Unreadable("SNS notifications inside each other")
        return _translate(orjson.loads(text(found, "Message")), received_at, nesting - 1)
    if found.get("Event") == "s3:TestEvent":
        return Ignored("S3 tried out a new configuration")
    if isinstance(found.get("Records"), list):
        return _records(found["Records"], received_at)
    if job_events.is_completion(found):
        return _ended(job_events.from_completion(found), found)
    if "source" in found and "detail-type" in found:
        return _eventbridge(found)
    raise Unreadable("no kind of message that AWS is known to send")


def _records(records: list[Any], received_at: datetime) -> Translation:
    if not records:
        return Ignored("a notification of nothing")
    return Translated(tuple(_record(record, received_at) for record in records))


def _record(record: Any, received_at: datetime) -> Fact:
    if s3_events.is_notification(record):
        return s3_events.from_notification(record)
    source, name = text(record, "eventSource"), text(record, "eventName")
    time = optional_text(record, "eventTime")
    return _other(source, name, None, moment(time, "eventTime") if time else received_at, record)


def _eventbridge(event: dict[str, Any]) -> Translation:
    if s3_events.is_bridged(event):
        return Translated((s3_events.from_eventbridge(event),))
    if job_events.is_transcription(event):
        return _ended(job_events.from_transcription(event), event)
    if _is_progress(event):
        return Ignored("MediaConvert's regular word that a job goes on")
    id_ = optional_text(event, "id") or None
    when = moment(text(event, "time"), "time")
    return Translated((_other(text(event, "source"), text(event, "detail-type"), id_, when, event),))


def _ended(ending: job_events.Ending, found: dict[str, Any]) -> Translation:
    if job_events.is_ours(ending):
        return Translated((job_events.fact_of(ending),))
    name = f"{ending.operation} {'succeeded' if ending.good else 'failed'}"
    return Translated((_other(f"aws.{ending.service}", name, ending.job_id, ending.moment, found),))


def _other(source: str, detail_type: str, id_: str | None, when: datetime, found: Any) -> Fact:
    """Keep an event that has no topic of its own, as it came."""
    body = orjson.dumps(found, option=orjson.OPT_SORT_KEYS).decode()
    event = AwsEvent(source=source, detail_type=detail_type, event_id=id_, occurred_at=when, body=body)
    return event, envelope(event, named_id("aws", source, detail_type, id_ or body), source, when)


def _is_progress(event: dict[str, Any]) -> bool:
    state = optional_text(event.get("detail"), "status")
    return event.get("source") == "aws.mediaconvert" and state in ("STATUS_UPDATE", "PROGRESSING", "INPUT_INFORMATION")
