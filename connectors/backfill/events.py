"""Build the upload event of a listed object."""

from __future__ import annotations

from datetime import datetime

from headrace.connectors.backfill.listing import BucketPrefix, ListedObject
from headrace.connectors.events.metadata import new_metadata
from headrace.connectors.events.results import EventWithMetadata
from headrace.connectors.events.s3 import SOURCE
from headrace.connectors.events.version_order import TIME_DIGITS, following, is_time_sequencer, time_sequencer
from headrace.schemas.ids import root_id, sequencer_order
from headrace.schemas.records import Asset, MediaUploaded

EVENT_NAME = "ObjectCreated:Backfill"
"""A listing does not contain how the object was created."""


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

    With the sequencer of an accepted version, the new one sorts behind it, and before what S3 sends later. The time of
    a listing is in whole seconds, so an accepted version with a time of its own may have the greater one.
    """
    by_time = time_sequencer(modified)
    accepted = sequencer_order(follows)
    if is_time_sequencer(accepted) and by_time <= accepted:
        return following(accepted)
    return accepted[:-TIME_DIGITS] + by_time[-TIME_DIGITS:]
