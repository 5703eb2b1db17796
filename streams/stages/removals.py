"""Record that an object was deleted, so that later events of its earlier versions are superseded."""

from __future__ import annotations

from headrace.schemas import topics
from headrace.schemas.records import MediaDeleted
from headrace.streams.handlers import Transform
from headrace.streams.services import Services
from headrace.streams.stage import Stage


async def removal(deleted: MediaDeleted, services: Services) -> None:
    """Return no event. The stored result of this stage marks the deletion in S3's order of versions."""


# Deleting one old version permanently does not delete the object.
DELETES_THE_OBJECT = {"$or": [{"asset": {"version_id": [None]}}, {"event_name": [{"suffix": "DeleteMarkerCreated"}]}]}

STAGE = Stage("removals", reads=(topics.DELETED,), when=DELETES_THE_OBJECT, handler=Transform(removal))
