"""The people of the views: faces that were seen, linked to people, with the names that operators gave them.

Faces of one person are linked by matches of the service, and by `headrace faces merge`. The newest name of any face of
a person is the person's name. A name is joined when it is read, so it holds for earlier and later assets alike.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, select, union

from headrace.console.views.queries import joins
from headrace.console.views.queries.arguments import stored_argument
from headrace.console.views.stored_text import from_stored
from headrace.console.views.tables import assets, passages, people, versions

CHUNK = 500
MOST_FACES = 10_000
"""Faces of one person that are followed."""
UNKNOWN = "unknown person"


@dataclass(frozen=True, slots=True)
class Person:
    """The faces of one person, and the name; empty without one."""

    faces: frozenset[str]
    name: str

    @property
    def id(self) -> str:
        """Return the first of the ids of the faces, which stands for the person."""
        return min(self.faces)


def people_of_faces(connection: Connection, faces: Iterable[str]) -> dict[str, Person]:
    """Return the person of each face. Forgotten faces are left out."""
    seeds = set(faces) - _forgotten(connection, faces)
    edges, reached = _links(connection, seeds)
    groups = _groups(reached, edges)
    names = dict(_names(connection, reached))
    found: dict[str, Person] = {}
    for group in groups:
        newest = max((names[face] for face in group if face in names), default=(0, ""))
        person = Person(frozenset(group), newest[1])
        found |= dict.fromkeys(group & seeds, person)
    return found


def faces_named(connection: Connection, name: str) -> frozenset[str]:
    """Return the faces of all people with a name; case and spaces do not count."""
    wanted = _comparable(name)
    rows = connection.execute(select(people.c.face, people.c.name).where(people.c.kind == "name"))
    named = [row.face for row in rows if _comparable(from_stored(row.name)) == wanted]
    found = people_of_faces(connection, named)
    return frozenset(face for person in found.values() if _comparable(person.name) == wanted for face in person.faces)


def faces_with_prefix(connection: Connection, prefix: str) -> list[str]:
    """Return the faces whose id begins so."""
    columns = passages.c
    wanted = stored_argument(prefix)
    statement = select(columns.name).where(columns.kind == "person", columns.name.startswith(wanted, autoescape=True))
    found = connection.scalars(statement.distinct().order_by(columns.name).limit(MOST_FACES)).all()
    hidden = _forgotten(connection, found)
    return [face for face in found if face not in hidden]


def assets_with(connection: Connection, faces: Iterable[str]) -> list[str]:
    """Return the assets, `bucket/key`, in whose newest version one of these faces was seen."""
    found: set[str] = set()
    for part in chunks(faces):
        rows = connection.execute(sightings().where(passages.c.name.in_(part)))
        found |= {from_stored(f"{row.bucket}/{row.key}") for row in rows}
    return sorted(found)


def facts_of(connection: Connection, faces: Iterable[str]) -> list[str]:
    """Return the keys of the names and links of these faces."""
    keys: set[str] = set()
    for part in chunks(faces):
        for column in (people.c.face, people.c.other):
            statement = select(people.c.key).where(people.c.kind != "forgotten", column.in_(part))
            keys |= {from_stored(key) for key in connection.scalars(statement)}
    return sorted(keys)


def faces_of_versions(connection: Connection, ids: Sequence[int]) -> dict[int, list[str]]:
    """Return the faces that were seen in versions, each once, in the order in which they were found."""
    columns = passages.c
    statement = (
        select(columns.version_id, columns.name)
        .where(columns.version_id.in_(ids), columns.kind == "person", columns.category == "")
        .order_by(columns.id)
    )
    found: dict[int, dict[str, None]] = {}
    for version, face in connection.execute(statement):
        found.setdefault(version, {})[face] = None
    return {version: list(faces) for version, faces in found.items()}


def describe_people(connection: Connection, faces: Sequence[str]) -> str:
    """Return the names of the people in a result, such as `Ada, Bob and 2 unknown`; empty if none has a name."""
    known = people_of_faces(connection, faces)
    persons = {person.id: person for person in known.values()}.values()
    names = sorted({person.name for person in persons if person.name})
    unknown = sum(not person.name for person in persons)
    if not names:
        return ""
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more + (f" and {unknown} unknown" if unknown else "")


def display_name(face: str, known: dict[str, Person]) -> str:
    """Return the name of the person of a face, or a text for an unknown one."""
    person = known.get(face)
    return person.name if person and person.name else f"{UNKNOWN} {(person.id if person else face)[:8]}"


def sightings() -> Select[Any]:
    """Select the faces of the newest versions of assets that are not deleted."""
    columns = (passages.c.name, assets.c.bucket, assets.c.key, versions.c.uploaded_at)
    joined = joins.NEWEST.join(passages, passages.c.version_id == versions.c.id)
    return (
        select(*columns)
        .select_from(joined)
        .where(passages.c.kind == "person", passages.c.category == "", assets.c.state != "deleted")
    )


def _links(connection: Connection, seeds: set[str]) -> tuple[set[tuple[str, str]], set[str]]:
    """Follow the links of faces; return them, and every face that is reached."""
    edges: set[tuple[str, str]] = set()
    reached, frontier = set(seeds), set(seeds)
    while frontier and len(reached) <= MOST_FACES + len(seeds):
        found = set(_links_of(connection, frontier))
        ends = {face for edge in found for face in edge}
        hidden = _forgotten(connection, ends - reached)
        edges |= {edge for edge in found if not hidden & set(edge)}
        frontier = ends - hidden - reached
        reached |= frontier
    return edges, reached


def _links_of(connection: Connection, faces: Iterable[str]) -> Iterator[tuple[str, str]]:
    seen, said = passages.c, people.c
    for part in chunks(faces):
        is_link: ColumnElement[bool] = (seen.kind == "person") & (seen.category != "")
        merged = said.kind == "link"
        statement = union(
            select(seen.name, seen.category).where(is_link, seen.name.in_(part)),
            select(seen.name, seen.category).where(is_link, seen.category.in_(part)),
            select(said.face, said.other).where(merged, said.face.in_(part)),
            select(said.face, said.other).where(merged, said.other.in_(part)),
        )
        yield from ((row[0], row[1]) for row in connection.execute(statement))


def _groups(faces: Iterable[str], edges: Iterable[tuple[str, str]]) -> list[set[str]]:
    """Return the connected groups of faces."""
    near: defaultdict[str, set[str]] = defaultdict(set)
    for one, other in edges:
        near[one].add(other)
        near[other].add(one)
    left, groups = set(faces), []
    while left:
        group, frontier = set(), {left.pop()}
        while frontier:
            group |= frontier
            frontier = {other for face in frontier for other in near[face]} - group
        left -= group
        groups.append(group)
    return groups


def _names(connection: Connection, faces: Iterable[str]) -> Iterator[tuple[str, tuple[int, str]]]:
    """Yield each name with the offset of its fact."""
    for part in chunks(faces):
        statement = select(people.c.face, people.c.offset, people.c.name)
        for row in connection.execute(statement.where(people.c.kind == "name", people.c.face.in_(part))):
            yield row.face, (row.offset + 1, from_stored(row.name))


def _forgotten(connection: Connection, faces: Iterable[str]) -> set[str]:
    found: set[str] = set()
    for part in chunks(faces):
        found |= set(
            connection.scalars(select(people.c.face).where(people.c.kind == "forgotten", people.c.face.in_(part)))
        )
    return found


def _comparable(name: str) -> str:
    return " ".join(name.casefold().split())


def chunks(faces: Iterable[str]) -> Iterator[list[str]]:
    """Yield faces in lists of at most 500, sorted: a statement has a limited number of parameters."""
    every = sorted(faces)
    yield from (every[start : start + CHUNK] for start in range(0, len(every), CHUNK))
