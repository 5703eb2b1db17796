"""Forget a person: delete the vectors from the collection, then the names and links, and hide the faces in the views.

A call that fails leaves the facts, so the command can be repeated. The audit log has the ids of faces and no name.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from headrace.console.faces.directory import forgotten, publish
from headrace.console.kafka.admin import KafkaAdmin
from headrace.console.replay.audit import AuditEntry
from headrace.console.replay.journal import StageGroup, recorded, start_entry
from headrace.console.views.person_facts import message, removal
from headrace.console.views.queries import people
from headrace.console.views.queries.history import Connect
from headrace.console.views.queries.people import Person

STAGE = "face-search"
CHUNK = 1_000
"""Faces of one call; DeleteFaces accepts at most 4,096."""

DeleteFaces = Callable[[str, Sequence[str]], list[str]]
"""Deletes faces of a collection, and returns those that were in it."""


@dataclass(frozen=True, slots=True)
class ForgetPlan:
    """What is deleted: the faces of a person in a collection, and the keys of facts. `assets` have the person."""

    person: Person
    collection: str
    facts: tuple[str, ...]
    assets: tuple[str, ...]


def plan_forget(connect: Connect, person: Person, collection: str) -> ForgetPlan:
    """Return what has to be deleted to forget a person."""
    with connect() as connection:
        facts, assets = people.facts_of(connection, person.faces), people.assets_with(connection, person.faces)
    return ForgetPlan(person, collection, tuple(facts), tuple(assets))


def forget(cluster: KafkaAdmin, delete: DeleteFaces, plan: ForgetPlan, reason: str) -> int:
    """Forget a person; return the number of vectors that were deleted.

    Raises:
        CommandError: the collection does not exist.
    """
    faces = sorted(plan.person.faces)
    deleted: list[str] = []
    with recorded(cluster, _entry(plan, reason), lambda: len(deleted)):
        for start in range(0, len(faces), CHUNK):
            deleted += delete(plan.collection, faces[start : start + CHUNK])
        publish(cluster, [*map(removal, plan.facts), *(message(forgotten(face)) for face in faces)])
    return len(deleted)


def _entry(plan: ForgetPlan, reason: str) -> AuditEntry:
    faces = " ".join(sorted(plan.person.faces)[:20])
    request = f"forget {len(plan.person.faces)} faces of collection {plan.collection}: {faces}"
    return start_entry("forget", StageGroup(STAGE, ""), request, reason, len(plan.person.faces))
