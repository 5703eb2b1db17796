"""Remember that an object went, so that work on what it was is not begun, and late events of it are recognised."""

from __future__ import annotations

from headrace.schemas import topics
from headrace.schemas.records import MediaDeleted
from headrace.streams.services import Services
from headrace.streams.stage import Stage, Transform


async def removal(deleted: MediaDeleted, services: Services) -> None:
    """Say nothing: the mark that this stage leaves in the store, in S3's order of versions, is what counts."""


# To delete one old version for good hides nothing that is newer: only the object as a whole can go.
HIDES_THE_OBJECT = {"$or": [{"asset": {"version_id": [None]}}, {"event_name": [{"suffix": "DeleteMarkerCreated"}]}]}

STAGE = Stage("removals", reads=(topics.DELETED,), when=HIDES_THE_OBJECT, handler=Transform(removal))
