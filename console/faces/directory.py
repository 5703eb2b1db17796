"""Name and merge people: facts on `system.people`, which the views join. No service is called."""

from __future__ import annotations

from datetime import UTC, datetime

from headrace.console.errors import CommandError
from headrace.console.kafka.admin import KafkaAdmin
from headrace.console.terminal.operator import current_operator
from headrace.console.views.person_facts import FACE_ID, LONGEST_NAME, PersonFact, PersonFactKind, message
from headrace.console.views.queries import people
from headrace.console.views.queries.history import Connect
from headrace.console.views.queries.people import Person
from headrace.schemas import topics
from headrace.schemas.cloudevents import timestamp
from headrace.schemas.messages import ProducerRecord

SHORTEST_PREFIX = 4
LIST = "`headrace faces list` lists people"


def find_person(connect: Connect, which: str) -> Person:
    """Return a person by a name, by the id of a face, or by the beginning of an id.

    Raises:
        CommandError: no person, or more than one, is meant.
    """
    with connect() as connection:
        faces = [which] if FACE_ID.fullmatch(which) else sorted(people.faces_named(connection, which))
        if not faces and len(which) >= SHORTEST_PREFIX:
            faces = people.faces_with_prefix(connection, which.lower())
        found = {person.id: person for person in people.people_of_faces(connection, faces).values()}
        if not any(people.assets_with(connection, person.faces) for person in found.values()):
            raise CommandError(f"no person {which}: {LIST}")
    if len(found) > 1:
        ids = " or ".join(sorted(id_[:8] for id_ in found))
        raise CommandError(f"{which} may be {ids}: give the id of a face")
    return next(iter(found.values()))


def checked_name(name: str) -> str:
    """Return a name with single spaces.

    Raises:
        CommandError: it is empty, too long, or has characters that are not printable.
    """
    words = " ".join(name.split())
    if not words or not words.isprintable():
        raise CommandError("a name needs at least one letter, and printable characters only")
    if len(words) > LONGEST_NAME:
        raise CommandError(f"the name has {len(words)} characters: use at most {LONGEST_NAME}")
    if FACE_ID.fullmatch(words.lower()):
        raise CommandError(f"{words} is the id of a face, not a name")
    return words


def name_person(cluster: KafkaAdmin, person: Person, name: str) -> None:
    """Give a person a name."""
    publish(cluster, [message(_fact("name", person.id, name=name))])


def merge_people(cluster: KafkaAdmin, kept: Person, other: Person) -> None:
    """Make two people one, with the name of the first, or else of the second."""
    records = [message(_fact("link", kept.id, other=other.id))]
    if name := kept.name or other.name:
        records.append(message(_fact("name", kept.id, name=name)))
    publish(cluster, records)


def publish(cluster: KafkaAdmin, records: list[ProducerRecord]) -> None:
    """Write facts; create the topic if it does not exist."""
    cluster.create([topics.PEOPLE_FACTS])
    cluster.write(records)


def forgotten(face: str) -> PersonFact:
    """Return the fact that a face was deleted."""
    return _fact("forgotten", face)


def _fact(kind: PersonFactKind, face: str, other: str = "", name: str = "") -> PersonFact:
    at = timestamp(datetime.now(UTC))
    return PersonFact(kind=kind, face=face, other=other, name=name, by=current_operator(), at=at)
