"""Facts about the people of a face collection, on the compacted topic `system.people`. Pure.

    name       the person of a face has this name
    link       two faces are of the same person
    forgotten  the face was deleted; it is never shown again

The newest record of a key counts. A face that is forgotten loses its name and its links.
"""

from __future__ import annotations

import re
from typing import Literal

import msgspec

from headrace.schemas import topics
from headrace.schemas.messages import ProducerRecord

PersonFactKind = Literal["name", "link", "forgotten"]
FACE_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
"""The form of an id of a face. Source: Amazon Rekognition API Reference, Face."""
LONGEST_NAME = 200


class PersonFact(msgspec.Struct, frozen=True, omit_defaults=True):
    """One fact. `other` is the other face of a link, `at` an RFC 3339 time."""

    kind: PersonFactKind
    face: str
    by: str
    at: str
    other: str = ""
    name: str = ""

    @property
    def key(self) -> str:
        """Return the key of the record: the same for every change of this fact."""
        faces = sorted((self.face, self.other)) if self.other else [self.face]
        return "/".join((self.kind, *faces))

    @property
    def is_valid(self) -> bool:
        """Return whether the ids are those of faces, and the fact has the fields of its kind."""
        others = [self.other] if self.kind == "link" else []
        has_name = self.kind != "name" or 0 < len(self.name) <= LONGEST_NAME
        return has_name and all(FACE_ID.fullmatch(face) for face in (self.face, *others))


def message(fact: PersonFact) -> ProducerRecord:
    """Return the record of a fact."""
    return ProducerRecord(topics.PEOPLE_FACTS.name, fact.key.encode(), msgspec.json.encode(fact))


def removal(key: str) -> ProducerRecord:
    """Return the record that removes a fact."""
    return ProducerRecord(topics.PEOPLE_FACTS.name, key.encode(), None)
