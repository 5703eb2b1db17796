"""S3 notifications and S3 events on EventBridge: the same facts in two formats.

Sources: Amazon S3 User Guide, "Event message structure" and "EventBridge event message structure". Both formats of
one event give the same id. Keys are form-encoded in notifications and plain in EventBridge events.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import unquote_plus

from msgspec import Struct, field

from headrace.connectors.events.decoding import JsonObject, JsonText, Size, json_decoder, parse_timestamp
from headrace.connectors.events.event_source import EventSource, QueueScope
from headrace.connectors.events.metadata import new_metadata
from headrace.connectors.events.results import EventWithMetadata, ParseError
from headrace.connectors.events.version_order import time_sequencer
from headrace.schemas.ids import root_id
from headrace.schemas.records import Asset, MediaDeleted, MediaUploaded

SOURCE = "aws.s3"
LONGEST_KEY = 1024
"""Bytes of UTF-8, the limit of S3."""

_CREATED = "ObjectCreated:"
_REMOVED = "ObjectRemoved:"
_EXPIRED = "LifecycleExpiration:"
_REASONS = {
    "PutObject": "ObjectCreated:Put",
    "POST Object": "ObjectCreated:Post",
    "CopyObject": "ObjectCreated:Copy",
    "CompleteMultipartUpload": "ObjectCreated:CompleteMultipartUpload",
}
_DELETIONS = {"Delete Marker Created": "DeleteMarkerCreated", "Permanently Deleted": "Delete"}


class _Bucket(Struct, gc=False):
    name: JsonText


class _NotifiedObject(Struct, gc=False):
    key: JsonText
    size: Size = 0
    etag: str | None = field(name="eTag", default=None)
    version_id: str | None = field(name="versionId", default=None)
    sequencer: str | None = None


class _BridgedObject(Struct, gc=False, rename="kebab"):
    key: JsonText
    size: Size = 0
    etag: str | None = None
    version_id: str | None = None
    sequencer: str | None = None


class _Entity(Struct, gc=False):
    bucket: _Bucket
    object: _NotifiedObject


class _Notification(Struct, gc=False, rename="camel"):
    event_version: JsonText
    event_name: str
    s3: _Entity
    event_time: datetime | None = None
    aws_region: str | None = None


class _Detail(Struct, gc=False, rename="kebab"):
    bucket: _Bucket
    object: _BridgedObject
    reason: str | None = None
    deletion_type: str | None = None


class _Bridged(Struct, gc=False, rename="kebab"):
    detail_type: str
    detail: _Detail
    time: datetime | None = None
    region: str | None = None


_notification = json_decoder(_Notification)
_bridged = json_decoder(_Bridged)


def is_notification(source: str, event_name: str, members: Container[str]) -> bool:
    """Match a record of an object that was created or removed."""
    return source == "aws:s3" and event_name.startswith((_CREATED, _REMOVED, _EXPIRED))


def from_notification(record: JsonObject, received_at: datetime) -> EventWithMetadata:
    """Parse one notification record of any version 2.x. Raises `ParseError`."""
    notification = _notification(record)
    if not notification.event_version.startswith("2."):
        raise ParseError("eventVersion is not 2.x")
    bucket, item = notification.s3.bucket.name, notification.s3.object
    item.key = _decoded(item.key)
    when = parse_timestamp(notification.event_time, received_at)
    item.sequencer = item.sequencer or _own_order(notification.event_time, when)
    return _to_event(notification.event_name, bucket, item, when, notification.aws_region or "")


def is_bridged(source: str, detail_type: str, members: Container[str]) -> bool:
    """Match an EventBridge event of an object that was created or removed."""
    return source == SOURCE and detail_type in ("Object Created", "Object Deleted")


def from_eventbridge(event: JsonObject, received_at: datetime) -> EventWithMetadata:
    """Parse an EventBridge event of S3. Raises `ParseError`."""
    bridged = _bridged(event)
    name = _event_name(bridged.detail_type, bridged.detail)
    bucket, item = bridged.detail.bucket.name, bridged.detail.object
    when = parse_timestamp(bridged.time, received_at)
    item.sequencer = item.sequencer or _own_order(bridged.time, when)
    return _to_event(name, bucket, item, when, bridged.region or "")


def _event_name(detail_type: str, detail: _Detail) -> str:
    """Return the event name that a notification would have."""
    reason = detail.reason or ""
    if detail_type == "Object Created":
        return _REASONS.get(reason, _CREATED + (reason.replace(" ", "") or "Put"))
    family = _EXPIRED if reason == "Lifecycle Expiration" else _REMOVED
    return family + _DELETIONS.get(detail.deletion_type or "", "Delete")


def _to_event(
    name: str, bucket: str, item: _NotifiedObject | _BridgedObject, when: datetime, region: str
) -> EventWithMetadata:
    if len(item.key.encode()) > LONGEST_KEY:
        raise ParseError(f"the object key is longer than {LONGEST_KEY} bytes")
    event: MediaUploaded | MediaDeleted
    if name.startswith(_CREATED):
        asset = _asset(bucket, item, (item.etag or "").strip('"'), item.size)
        event = MediaUploaded(asset=asset, event_name=name, uploaded_at=when, region=region, origin="notification")
    else:
        # Only some of the formats have the ETag and size of a removed object.
        asset = _asset(bucket, item, etag="", size=0)
        event = MediaDeleted(asset=asset, event_name=name, deleted_at=when, region=region)
    return event, new_metadata(event, root_id(asset, name), SOURCE, when)


def _asset(bucket: str, item: _NotifiedObject | _BridgedObject, etag: str, size: int) -> Asset:
    version_id = item.version_id if item.version_id != "null" else None
    sequencer = item.sequencer or ""
    return Asset(
        bucket=bucket,
        key=item.key,
        version=version_id or etag or sequencer,
        version_id=version_id or None,
        etag=etag,
        size=size,
        sequencer=sequencer,
    )


def _own_order(given: datetime | None, when: datetime) -> str:
    """Return the sequencer of an event without one; empty without a time, since another delivery would differ."""
    return time_sequencer(when) if given else ""


def _decoded(key: str) -> str:
    if "%" not in key and "+" not in key:
        return key
    try:
        return unquote_plus(key, errors="strict")
    except UnicodeDecodeError:
        raise ParseError("s3.object.key is not form-encoded UTF-8") from None


def pattern(queue: QueueScope) -> Mapping[str, Any]:
    """Select the keys that a notification with the same prefix and suffix would."""
    detail: dict[str, Any] = {"bucket": {"name": list(queue.buckets)}}
    if queue.prefix and queue.suffix:
        detail["object"] = {"key": [{"wildcard": f"{_literal(queue.prefix)}*{_literal(queue.suffix)}"}]}
    elif queue.prefix or queue.suffix:
        name = "prefix" if queue.prefix else "suffix"
        detail["object"] = {"key": [{name: queue.prefix or queue.suffix}]}
    return {"source": [SOURCE], "detail-type": ["Object Created", "Object Deleted"], "detail": detail}


def _literal(text: str) -> str:
    """Escape the special characters of a wildcard. Source: EventBridge User Guide, "Wildcard matching"."""
    return text.replace("\\", "\\\\").replace("*", "\\*")


NOTIFICATION = EventSource("s3", "record", "s3", is_notification, from_notification, ("buckets",))
NOTIFICATION_BY_SNS = EventSource("s3-sns", "record", "sns", is_notification, from_notification, ("buckets", "topics"))
EVENTBRIDGE = EventSource("s3-eventbridge", "event", "eventbridge", is_bridged, from_eventbridge, ("buckets",), pattern)
