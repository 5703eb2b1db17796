"""S3's notifications and S3's EventBridge events, which tell the same facts in two spellings.

Sources: Amazon S3 User Guide, "Event message structure" and "EventBridge event message structure". Both spellings of
one event give the same id. Keys are form-encoded in notifications, and as they are in EventBridge events.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from urllib.parse import unquote_plus

from msgspec import structs

from connectors.envelopes import envelope
from connectors.fields import member, moment, optional_text, size_of, text
from connectors.translation import Fact, Unreadable
from schemas.identity import root_id
from schemas.records import Asset, MediaDeleted, MediaUploaded

SOURCE = "aws.s3"
CREATED = "ObjectCreated:"
REMOVED = "ObjectRemoved:"
EXPIRED = "LifecycleExpiration:"

_REASONS = {
    "PutObject": "ObjectCreated:Put",
    "POST Object": "ObjectCreated:Post",
    "CopyObject": "ObjectCreated:Copy",
    "CompleteMultipartUpload": "ObjectCreated:CompleteMultipartUpload",
}
_DELETIONS = {"Delete Marker Created": "DeleteMarkerCreated", "Permanently Deleted": "Delete"}


def is_notification(record: Any) -> bool:
    """Whether a record of a notification is of S3 and tells of an object that came or went."""
    name = optional_text(record, "eventName")
    return optional_text(record, "eventSource") == "aws:s3" and name.startswith((CREATED, REMOVED, EXPIRED))


def from_notification(record: dict[str, Any], received_at: datetime) -> Fact:
    """Translate one record of a notification, of any version 2.x."""
    version = text(record, "eventVersion")
    if not version.startswith("2."):
        raise Unreadable("eventVersion is not 2.x")
    s3 = member(record, "s3")
    found = member(s3, "object", "s3.")
    asset = _asset(
        text(member(s3, "bucket", "s3."), "name", "s3.bucket."),
        _decoded(text(found, "key", "s3.object.")),
        optional_text(found, "versionId"),
        found,
        optional_text(found, "eTag"),
    )
    when = moment(record, "eventTime", received_at)
    return _fact(asset, text(record, "eventName"), when, optional_text(record, "awsRegion"))


def is_bridged(event: dict[str, Any]) -> bool:
    """Whether an EventBridge event is of S3 and tells of an object that came or went."""
    return event.get("source") == SOURCE and event.get("detail-type") in ("Object Created", "Object Deleted")


def from_eventbridge(event: dict[str, Any], received_at: datetime) -> Fact:
    """Translate an EventBridge event of S3."""
    detail = member(event, "detail")
    found = member(detail, "object", "detail.")
    asset = _asset(
        text(member(detail, "bucket", "detail."), "name", "detail.bucket."),
        text(found, "key", "detail.object."),
        optional_text(found, "version-id"),
        found,
        optional_text(found, "etag"),
    )
    when = moment(event, "time", received_at)
    return _fact(asset, _event_name(event, detail), when, optional_text(event, "region"))


def _event_name(event: dict[str, Any], detail: dict[str, Any]) -> str:
    """Spell what happened as notifications do."""
    reason = optional_text(detail, "reason")
    if event["detail-type"] == "Object Created":
        return _REASONS.get(reason, CREATED + (reason.replace(" ", "") or "Put"))
    family = EXPIRED if reason == "Lifecycle Expiration" else REMOVED
    return family + _DELETIONS.get(optional_text(detail, "deletion-type"), "Delete")


def _asset(bucket: str, key: str, version_id: str, found: dict[str, Any], etag: str) -> Asset:
    etag = etag.strip('"')
    sequencer = optional_text(found, "sequencer")
    known = version_id if version_id != "null" else ""
    return Asset(
        bucket=bucket,
        key=key,
        version=known or etag or sequencer,
        version_id=known or None,
        etag=etag,
        size=size_of(found),
        sequencer=sequencer,
    )


def _fact(asset: Asset, event_name: str, when: datetime, region: str) -> Fact:
    event: MediaUploaded | MediaDeleted
    if event_name.startswith(CREATED):
        event = MediaUploaded(
            asset=asset, event_name=event_name, uploaded_at=when, region=region, origin="notification"
        )
    else:
        gone = structs.replace(asset, etag="", size=0)
        event = MediaDeleted(asset=gone, event_name=event_name, deleted_at=when, region=region)
    return event, envelope(event, root_id(asset, event_name), SOURCE, when)


def _decoded(key: str) -> str:
    if "%" not in key and "+" not in key:
        return key
    try:
        return unquote_plus(key, errors="strict")
    except UnicodeDecodeError:
        raise Unreadable("s3.object.key is not form-encoded UTF-8") from None
