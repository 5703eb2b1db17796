"""Build the upload event of a listed object."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from headrace.connectors.backfill.listing import BucketPrefix, ListedObject
from headrace.connectors.events.metadata import new_metadata
from headrace.connectors.events.results import EventWithMetadata
from headrace.connectors.events.s3 import SOURCE
from headrace.schemas.ids import SEQUENCER_WIDTH, root_id, sequencer_order
from headrace.schemas.records import Asset, MediaUploaded

EVENT_NAME = "ObjectCreated:Backfill"
"""A listing does not contain how the object was created."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TIME_DIGITS = 12
_MILLISECOND = timedelta(milliseconds=1)


def to_event(place: BucketPrefix, listed: ListedObject) -> EventWithMetadata:
    """Return the event of an object. The same version always has the same id."""
    asset = Asset(
        bucket=place.bucket,
        key=listed.key,
        version=listed.version_id or listed.etag,
        version_id=listed.version_id or None,
        etag=listed.etag,
        size=listed.size,
        sequencer=sequencer(listed.modified, listed.follows),
    )
    event = MediaUploaded(
        asset=asset, event_name=EVENT_NAME, uploaded_at=listed.modified, region=place.region, origin="backfill"
    )
    return event, new_metadata(event, root_id(asset, EVENT_NAME), SOURCE, listed.modified)


def sequencer(modified: datetime, follows: str = "") -> str:
    """Return a sequencer that sorts before every sequencer of S3, and by modification time among listings.

    S3's own have 16 to 20 digits, so the first 20 are never all zero; the time in milliseconds comes behind these.
    With the sequencer of an accepted version, the new one sorts behind it, and before what S3 sends later.
    """
    time = f"{(modified - _EPOCH) // _MILLISECOND:0{_TIME_DIGITS}X}"
    return sequencer_order(follows)[: SEQUENCER_WIDTH - _TIME_DIGITS] + time
