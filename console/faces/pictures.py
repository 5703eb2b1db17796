"""Pictures of faces, which `face-search` stores beside its results if its setting `thumbnails` is on."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from headrace.console.media.objects import ObjectGoneError, ObjectName, parse_location
from headrace.console.views.queries.face_places import STAGE, FacePlace, places_of
from headrace.console.views.queries.history import Connect
from headrace.console.views.queries.people import Person

TRIED = 3
"""Results beside which a picture of a person is looked for."""

_PICTURE = re.compile(rf"{STAGE}@\d[^./]*\.(?P<face>[0-9a-f-]+)\.jpg")

ListKeys = Callable[[str, str], Iterable[str]]
"""Lists the keys of a bucket under a prefix."""
DeleteObject = Callable[[str, str], None]
"""Deletes the object of a bucket with a key."""


class FacePicture(NamedTuple):
    """A stored picture of a face."""

    face: str
    place: ObjectName

    @property
    def url(self) -> str:
        """Return its location, `s3://bucket/key`."""
        return f"s3://{self.place.bucket}/{self.place.key}"


def stored_pictures(connect: Connect, person: Person, list_keys: ListKeys) -> list[FacePicture]:
    """Return the pictures of a person's faces, of every edition of the results in all versions of assets."""
    with connect() as connection:
        places = places_of(connection, person.faces)
    found: dict[str, FacePicture] = {}
    for bucket, folder in sorted({_folder(place) for place in places}):
        for key in list_keys(bucket, f"{folder}{STAGE}@"):
            match = _PICTURE.fullmatch(key.removeprefix(folder))
            if match and match["face"] in person.faces:
                found[key] = FacePicture(match["face"], ObjectName(bucket, key))
    return list(found.values())


def candidates(connect: Connect, person: Person) -> Sequence[ObjectName]:
    """Return where a picture of a person may be, beside the current results. None of them may exist."""
    with connect() as connection:
        places = places_of(connection, person.faces)
    return [picture for place in places if (picture := _beside(place))]


def find_picture(connect: Connect, person: Person, list_keys: ListKeys) -> FacePicture | None:
    """Return a picture of a person; None if there is none beside the first results."""
    for name in candidates(connect, person)[:TRIED]:
        if name.key in list_keys(name.bucket, name.key):
            return FacePicture(person.id, name)
    return None


def _beside(place: FacePlace) -> ObjectName | None:
    """Return the name of the picture of a face beside a result, `<result name>.answer.json`."""
    try:
        result = parse_location(place.result)
    except ObjectGoneError:
        return None
    stem = result.key.removesuffix(".answer.json")
    return ObjectName(result.bucket, f"{stem}.{place.face}.jpg") if stem != result.key else None


def _folder(place: FacePlace) -> tuple[str, str]:
    result = parse_location(place.result)
    return result.bucket, result.key.rpartition("/")[0] + "/"
