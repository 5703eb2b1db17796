"""Forget a person: delete the pictures, the vectors, then the names and links, and hide the faces in the views.

A call that fails leaves the facts, so the command can be repeated. The audit log has the ids of faces and no name.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from headrace.console.faces.directory import forgotten, publish
from headrace.console.faces.pictures import DeleteObject, FacePicture, ListKeys, stored_pictures
from headrace.console.kafka.admin import KafkaAdmin
from headrace.console.replay.audit import AuditEntry
from headrace.console.replay.journal import StageGroup, recorded, start_entry
from headrace.console.views.person_facts import message, removal
from headrace.console.views.queries import people
from headrace.console.views.queries.face_places import STAGE
from headrace.console.views.queries.history import Connect
from headrace.console.views.queries.people import Person

CHUNK = 1_000
"""Faces of one call; DeleteFaces accepts at most 4,096."""

DeleteFaces = Callable[[str, Sequence[str]], list[str]]
"""Deletes faces of a collection, and returns those that were in it."""


@dataclass(frozen=True, slots=True)
class Deletions:
    """The operations that delete vectors and pictures."""

    delete_faces: DeleteFaces
    delete_object: DeleteObject


@dataclass(frozen=True, slots=True)
class ForgetPlan:
    """What is deleted: the faces of a person in a collection, their pictures, and the keys of facts.

    `assets` have the person.
    """

    person: Person
    collection: str
    facts: tuple[str, ...]
    assets: tuple[str, ...]
    pictures: tuple[FacePicture, ...] = ()


def plan_forget(connect: Connect, person: Person, collection: str, list_keys: ListKeys) -> ForgetPlan:
    """Return what has to be deleted to forget a person."""
    with connect() as connection:
        facts, assets = people.facts_of(connection, person.faces), people.assets_with(connection, person.faces)
    pictures = stored_pictures(connect, person, list_keys)
    return ForgetPlan(person, collection, tuple(facts), tuple(assets), tuple(pictures))


def forget(cluster: KafkaAdmin, deletions: Deletions, plan: ForgetPlan, reason: str) -> int:
    """Forget a person; return the number of vectors that were deleted.

    Raises:
        CommandError: the collection does not exist.
    """
    faces = sorted(plan.person.faces)
    deleted: list[str] = []
    with recorded(cluster, _entry(plan, reason), lambda: len(deleted)):
        for picture in plan.pictures:
            deletions.delete_object(picture.place.bucket, picture.place.key)
        for start in range(0, len(faces), CHUNK):
            deleted += deletions.delete_faces(plan.collection, faces[start : start + CHUNK])
        publish(cluster, [*map(removal, plan.facts), *(message(forgotten(face)) for face in faces)])
    return len(deleted)


def _entry(plan: ForgetPlan, reason: str) -> AuditEntry:
    faces = " ".join(sorted(plan.person.faces)[:20])
    what = f"{len(plan.person.faces)} faces of collection {plan.collection}, {len(plan.pictures)} pictures"
    request = f"forget {what}: {faces}"
    return start_entry("forget", StageGroup(STAGE, ""), request, reason, len(plan.person.faces))
