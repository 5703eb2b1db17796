"""The places of faces in the views: the stored results of images in which they were seen."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Connection, select

from headrace.console.views.queries.people import chunks
from headrace.console.views.stored_text import from_stored
from headrace.console.views.tables import passages, stage_states

STAGE = "face-search"
"""The stage whose results have people."""


@dataclass(frozen=True, slots=True)
class FacePlace:
    """A face, and the location of a result in which it was seen, `s3://bucket/key`."""

    face: str
    result: str


def places_of(connection: Connection, faces: Iterable[str]) -> list[FacePlace]:
    """Return the results of images in which these faces were seen, of all versions and of deleted assets too."""
    found: set[FacePlace] = set()
    columns, states = passages.c, stage_states.c
    joined = passages.join(stage_states, states.version_id == columns.version_id)
    wanted = (
        select(columns.name, states.location)
        .select_from(joined)
        .where(columns.kind == "person", columns.start.is_(None))
        .where(states.stage == STAGE, states.location.is_not(None))
    )
    for part in chunks(faces):
        rows = connection.execute(wanted.where(columns.name.in_(part)))
        found |= {FacePlace(from_stored(row.name), from_stored(row.location)) for row in rows}
    return sorted(found, key=lambda each: (each.face, each.result))
