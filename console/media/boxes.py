"""Read where things are in a picture, and shots, from the stored answers of Rekognition. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Literal

import msgspec

BoxKind = Literal["label", "face", "text", "celebrity"]
MOST_BOXES = 5_000
MOST_SHOTS = 2_000


@dataclass(frozen=True, slots=True)
class PictureBox:
    """A rectangle in a picture, as shares of its width and height. `seconds` is None in an image."""

    kind: BoxKind
    text: str
    confidence: float | None
    seconds: float | None
    left: float
    top: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class DetectedShot:
    """A shot or technical cue, in seconds."""

    kind: str
    start: float
    end: float
    confidence: float | None


class _Rectangle(msgspec.Struct, frozen=True, rename="pascal"):
    left: float = 0.0
    top: float = 0.0
    width: float = 0.0
    height: float = 0.0


class _Geometry(msgspec.Struct, frozen=True, rename="pascal"):
    bounding_box: _Rectangle | None = None


class _Instance(msgspec.Struct, frozen=True, rename="pascal"):
    bounding_box: _Rectangle | None = None
    confidence: float | None = None


class _Thing(msgspec.Struct, frozen=True, rename="pascal"):
    """A label, face, celebrity or line of text: each answer has some of these members."""

    name: str | None = None
    confidence: float | None = None
    instances: tuple[_Instance, ...] = ()
    bounding_box: _Rectangle | None = None
    geometry: _Geometry | None = None
    detected_text: str | None = None
    type: str | None = None
    face_id: str | None = None


class _FaceMatch(msgspec.Struct, frozen=True, rename="pascal"):
    face: _Thing | None = None


class _PersonDetail(msgspec.Struct, frozen=True, rename="pascal"):
    face: _Thing | None = None


class _Timed(_Thing, frozen=True, rename="pascal"):
    timestamp: float | None = None
    label: _Thing | None = None
    face: _Thing | None = None
    celebrity: _Thing | None = None
    text_detection: _Thing | None = None
    person: _PersonDetail | None = None
    face_matches: tuple[_FaceMatch, ...] = ()


class _Score(msgspec.Struct, frozen=True, rename="pascal"):
    type: str = ""
    confidence: float | None = None


class _Segment(msgspec.Struct, frozen=True, rename="pascal"):
    type: str = ""
    start_timestamp_millis: float = 0.0
    end_timestamp_millis: float = 0.0
    shot_segment: _Score | None = None
    technical_cue_segment: _Score | None = None


class _Answer(msgspec.Struct, frozen=True, rename="pascal"):
    labels: tuple[_Timed, ...] = ()
    face_details: tuple[_Timed, ...] = ()
    faces: tuple[_Timed, ...] = ()
    celebrities: tuple[_Timed, ...] = ()
    text_detections: tuple[_Timed, ...] = ()
    segments: tuple[_Segment, ...] = ()
    face_records: tuple[_Timed, ...] = ()
    persons: tuple[_Timed, ...] = ()


def read_people(content: bytes) -> list[PictureBox]:
    """Return the boxes of faces of a collection, at most 5,000. Their text is the id of the face.

    Raises:
        msgspec.DecodeError: the content is not an answer of Rekognition.
    """
    return list(islice(_people(msgspec.json.decode(content, type=_Answer)), MOST_BOXES))


def read_boxes(content: bytes) -> list[PictureBox]:
    """Return the boxes of an answer, in its order, at most 5,000.

    Raises:
        msgspec.DecodeError: the content is not an answer of Rekognition.
    """
    return list(islice(_boxes(msgspec.json.decode(content, type=_Answer)), MOST_BOXES))


def read_shots(content: bytes) -> list[DetectedShot]:
    """Return the shots and technical cues of an answer, at most 2,000.

    Raises:
        msgspec.DecodeError: the content is not an answer of Rekognition.
    """
    found = msgspec.json.decode(content, type=_Answer).segments[:MOST_SHOTS]
    return [_shot(each) for each in found]


def _shot(segment: _Segment) -> DetectedShot:
    detail = segment.technical_cue_segment or segment.shot_segment or _Score()
    start, end = segment.start_timestamp_millis / 1000, segment.end_timestamp_millis / 1000
    return DetectedShot(detail.type or segment.type, start, max(start, end), detail.confidence)


def _boxes(answer: _Answer) -> Iterator[PictureBox]:
    for each in answer.labels:
        label = each.label or each
        for instance in label.instances:
            yield from _box("label", label.name or "", instance.confidence, each, instance.bounding_box)
    for each in (*answer.faces, *answer.face_details):
        face = each.face or each
        yield from _box("face", "face", face.confidence, each, face.bounding_box)
    for each in answer.celebrities:
        person = each.celebrity or each
        area = person.bounding_box or _area(person)
        yield from _box("celebrity", person.name or "", person.confidence, each, area)
    for each in answer.text_detections:
        line = each.text_detection or each
        if line.type == "LINE":
            area = _area(line)
            yield from _box("text", line.detected_text or "", line.confidence, each, area)


def _people(answer: _Answer) -> Iterator[PictureBox]:
    for each in answer.face_records:
        if each.face and each.face.face_id:
            yield from _box("face", each.face.face_id, each.face.confidence, each, each.face.bounding_box)
    for each in answer.persons:
        face = each.person.face if each.person else None
        known = next((match.face.face_id for match in each.face_matches if match.face), None)
        if face and known:
            yield from _box("face", known, face.confidence, each, face.bounding_box)


def _area(thing: _Thing) -> _Rectangle | None:
    return thing.geometry.bounding_box if thing.geometry else None


def _box(
    kind: BoxKind, text: str, confidence: float | None, at: _Timed, area: _Rectangle | None
) -> Iterator[PictureBox]:
    if area is not None and area.width > 0 and area.height > 0:
        seconds = None if at.timestamp is None else at.timestamp / 1000
        yield PictureBox(kind, text, confidence, seconds, area.left, area.top, area.width, area.height)
