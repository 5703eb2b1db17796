"""The directory of people: those with a name first, then those whose faces were found last."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice

from sqlalchemy import Connection, select

from headrace.console.views.queries.people import Person, chunks, people_of_faces, sightings
from headrace.console.views.stored_text import from_stored
from headrace.console.views.tables import assets, passages, people, versions

FACES_OF_EACH = 100
"""Newest faces that are read for each person of the directory. Most images add a face of a person."""


@dataclass(frozen=True, slots=True)
class DirectoryEntry:
    """A person, the number of assets with the person, and the newest of them, `bucket/key`."""

    person: Person
    assets: int
    newest: str


@dataclass(frozen=True, slots=True)
class PeopleDirectory:
    """Some people, and whether there are more."""

    people: tuple[DirectoryEntry, ...]
    has_more: bool


def directory(connection: Connection, limit: int, *, named: bool = True) -> PeopleDirectory:
    """Return people: those with names by name, then those whose faces were found last.

    Reads no more than is needed for `limit` people, whatever the number of faces in the views. `named` people can be
    left out.
    """
    newest = _newest_faces(connection, limit * FACES_OF_EACH)
    faces = chain(_faces_with_names(connection) if named else (), dict.fromkeys(newest))
    found = (each for each in _entries_of(connection, faces, limit + 1) if named or not each.person.name)
    every = sorted(islice(found, limit + 1), key=lambda each: (not each.person.name, each.person.name))
    return PeopleDirectory(tuple(every[:limit]), len(every) > limit or len(newest) == limit * FACES_OF_EACH)


def _faces_with_names(connection: Connection) -> Iterator[str]:
    """Yield the faces that operators gave a name, by name."""
    columns = people.c
    yield from connection.scalars(
        select(columns.face).where(columns.kind == "name").order_by(columns.name, columns.face)
    )


def _newest_faces(connection: Connection, limit: int) -> Sequence[str]:
    """Return the faces of the newest results, those found last first."""
    columns = passages.c
    seen = select(columns.name).where(columns.kind == "person", columns.category == "")
    return connection.scalars(seen.order_by(columns.id.desc()).limit(limit)).all()


def _entries_of(connection: Connection, faces: Iterator[str], at_once: int) -> Iterator[DirectoryEntry]:
    """Yield the person of each face, in this order, if an asset has the person."""
    seen: set[str] = set()
    while part := list(islice(faces, at_once)):
        known = people_of_faces(connection, part)
        for face in part:
            person = known.get(face)
            if person is not None and person.id not in seen:
                seen.add(person.id)
                yield from _entry(connection, person)


def _entry(connection: Connection, person: Person) -> Iterator[DirectoryEntry]:
    ids: set[int] = set()
    newest: list[tuple[float, str]] = []
    for part in chunks(person.faces):
        seen = sightings().where(passages.c.name.in_(part))
        ids |= set(connection.scalars(seen.with_only_columns(assets.c.id).distinct()))
        last = connection.execute(seen.order_by(versions.c.uploaded_at.desc().nulls_last()).limit(1)).first()
        newest += [(last.uploaded_at or 0.0, from_stored(f"{last.bucket}/{last.key}"))] if last else []
    if ids:
        yield DirectoryEntry(person, len(ids), max(newest)[1])
