"""What a listed object is on the log: the upload that S3 would have told of, as far as a listing knows it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from headrace.connectors.backfill.listing import BucketPrefix, ListedObject
from headrace.connectors.events.metadata import new_metadata
from headrace.connectors.events.results import EventWithMetadata
from headrace.connectors.events.s3 import SOURCE
from headrace.schemas.ids import SEQUENCER_WIDTH, root_id
from headrace.schemas.records import Asset, MediaUploaded

EVENT_NAME = "ObjectCreated:Backfill"
"""A listing does not tell whether an object was put, copied or uploaded in parts."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TIME_DIGITS = 12
_MILLISECOND = timedelta(milliseconds=1)


def to_event(place: BucketPrefix, listed: ListedObject) -> EventWithMetadata:
    """Give the event of an object; the same version gives the same id whenever it is listed."""
    asset = Asset(
        bucket=place.bucket,
        key=listed.key,
        version=listed.version_id or listed.etag,
        version_id=listed.version_id or None,
        etag=listed.etag,
        size=listed.size,
        sequencer=sequencer(listed.modified),
    )
    event = MediaUploaded(
        asset=asset, event_name=EVENT_NAME, uploaded_at=listed.modified, region=place.region, origin="backfill"
    )
    return event, new_metadata(event, root_id(asset, EVENT_NAME), SOURCE, listed.modified)


def sequencer(modified: datetime) -> str:
    """Place a listed version before every one that S3 told of, and listed ones in the order of their times.

    S3's own have 16 to 20 digits, so the first 20 are never all zero; the time in milliseconds comes behind these.
    """
    return f"{(modified - _EPOCH) // _MILLISECOND:0{_TIME_DIGITS}X}".rjust(SEQUENCER_WIDTH, "0")
