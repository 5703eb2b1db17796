"""S3's notifications and S3's EventBridge events, which tell the same facts in two spellings.

Sources: Amazon S3 User Guide, "Event message structure" and "EventBridge event message structure". Both spellings of
one event give the same id. Keys are form-encoded in notifications, and as they are in EventBridge events.
"""

from __future__ import annotations

from datetime import datetime
from urllib.parse import unquote_plus

from msgspec import Raw, Struct, field

from headrace.connectors.events.decoding import JsonObject, JsonText, Size, json_decoder, parse_timestamp
from headrace.connectors.events.metadata import new_metadata
from headrace.connectors.events.results import EventWithMetadata, ParseError
from headrace.schemas.ids import root_id
from headrace.schemas.records import Asset, MediaDeleted, MediaUploaded

SOURCE = "aws.s3"
LONGEST_KEY = 1024
"""Bytes of UTF-8; S3 has no longer ones."""

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


def is_notification(event_name: str) -> bool:
    """Whether a record of a notification tells of an object that came or went."""
    return event_name.startswith((_CREATED, _REMOVED, _EXPIRED))


def from_notification(record: Raw, received_at: datetime) -> EventWithMetadata:
    """Translate one record of a notification, of any version 2.x. Raises `Unreadable`."""
    found = _notification(record)
    if not found.event_version.startswith("2."):
        raise ParseError("eventVersion is not 2.x")
    bucket, thing = found.s3.bucket.name, found.s3.object
    thing.key = _decoded(thing.key)
    return _fact(
        found.event_name, bucket, thing, parse_timestamp(found.event_time, received_at), found.aws_region or ""
    )


def is_bridged(source: str, detail_type: str) -> bool:
    """Whether an EventBridge event is of S3 and tells of an object that came or went."""
    return source == SOURCE and detail_type in ("Object Created", "Object Deleted")


def from_eventbridge(event: JsonObject, received_at: datetime) -> EventWithMetadata:
    """Translate an EventBridge event of S3. Raises `Unreadable`."""
    found = _bridged(event)
    name = _event_name(found.detail_type, found.detail)
    bucket, thing = found.detail.bucket.name, found.detail.object
    return _fact(name, bucket, thing, parse_timestamp(found.time, received_at), found.region or "")


def _event_name(detail_type: str, detail: _Detail) -> str:
    """Spell what happened as notifications do."""
    reason = detail.reason or ""
    if detail_type == "Object Created":
        return _REASONS.get(reason, _CREATED + (reason.replace(" ", "") or "Put"))
    family = _EXPIRED if reason == "Lifecycle Expiration" else _REMOVED
    return family + _DELETIONS.get(detail.deletion_type or "", "Delete")


def _fact(
    name: str, bucket: str, thing: _NotifiedObject | _BridgedObject, when: datetime, region: str
) -> EventWithMetadata:
    if len(thing.key.encode()) > LONGEST_KEY:
        raise ParseError(f"the object's key is longer than {LONGEST_KEY} bytes")
    event: MediaUploaded | MediaDeleted
    if name.startswith(_CREATED):
        asset = _asset(bucket, thing, (thing.etag or "").strip('"'), thing.size)
        event = MediaUploaded(asset=asset, event_name=name, uploaded_at=when, region=region, origin="notification")
    else:
        # Some ways tell of what is gone and others do not.
        asset = _asset(bucket, thing, etag="", size=0)
        event = MediaDeleted(asset=asset, event_name=name, deleted_at=when, region=region)
    return event, new_metadata(event, root_id(asset, name), SOURCE, when)


def _asset(bucket: str, thing: _NotifiedObject | _BridgedObject, etag: str, size: int) -> Asset:
    version_id = thing.version_id if thing.version_id != "null" else None
    sequencer = thing.sequencer or ""
    return Asset(
        bucket=bucket,
        key=thing.key,
        version=version_id or etag or sequencer,
        version_id=version_id or None,
        etag=etag,
        size=size,
        sequencer=sequencer,
    )


def _decoded(key: str) -> str:
    if "%" not in key and "+" not in key:
        return key
    try:
        return unquote_plus(key, errors="strict")
    except UnicodeDecodeError:
        raise ParseError("s3.object.key is not form-encoded UTF-8") from None
