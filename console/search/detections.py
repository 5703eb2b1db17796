"""Read detections from the stored answers of Rekognition and Comprehend. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import replace

import msgspec

from headrace.schemas.parsing import parse_struct
from headrace.streams.passages.passage import Passage, PassageKind, filter_name

GAP_SECONDS = 2.0
"""Detections of one name at most this far apart are one passage."""
MOST_INTERVALS = 50
MOST_NAMES = 2_000
"""Passages of one name, and names of one result; the rest is not searchable."""
LONGEST_TEXT = 500


class _Named(msgspec.Struct, frozen=True, rename="pascal"):
    name: str | None = None


class _Score(msgspec.Struct, frozen=True, rename="pascal"):
    type: str = ""
    confidence: float = 0.0


class _Detection(msgspec.Struct, frozen=True, rename="pascal"):
    name: str | None = None
    confidence: float | None = None
    match_confidence: float | None = None
    parent_name: str | None = None
    parents: tuple[_Named, ...] = ()
    detected_text: str | None = None
    type: str | None = None
    emotions: tuple[_Score, ...] = ()


class _Timed(_Detection, frozen=True, rename="pascal"):
    timestamp: float | None = None
    label: _Detection | None = None
    moderation_label: _Detection | None = None
    face: _Detection | None = None
    celebrity: _Detection | None = None
    text_detection: _Detection | None = None


class _VisionAnswer(msgspec.Struct, frozen=True, rename="pascal"):
    labels: tuple[_Timed, ...] = ()
    moderation_labels: tuple[_Timed, ...] = ()
    face_details: tuple[_Timed, ...] = ()
    faces: tuple[_Timed, ...] = ()
    celebrity_faces: tuple[_Timed, ...] = ()
    celebrities: tuple[_Timed, ...] = ()
    text_detections: tuple[_Timed, ...] = ()


class _Span(msgspec.Struct, frozen=True):
    kind: str
    text: str = ""
    score: float = 0.0


def vision_passages(content: bytes, kind: PassageKind) -> list[Passage]:
    """Return the detections of an image or video; those of one name in succession are one passage.

    Raises:
        InvalidValueError: the content is not an answer of Rekognition.
    """
    answer = parse_struct(content, _VisionAnswer)
    groups: defaultdict[tuple[str, str], list[Passage]] = defaultdict(list)
    for each in _detections(answer, kind):
        if len(groups) < MOST_NAMES or (each.text, each.category) in groups:
            groups[each.text, each.category].append(each)
    return [merged for group in groups.values() for merged in _merged(group)]


def entity_passages(content: bytes) -> list[Passage]:
    """Return the distinct entities of a text, each with its highest score.

    Raises:
        InvalidValueError: the content is not a list of spans.
    """
    best: dict[tuple[str, str], Passage] = {}
    for span in parse_struct(content, tuple[_Span, ...]):
        entity = entity_passage(span.text, span.kind, span.score)
        identity = (entity.name, entity.category)
        known = best.get(identity)
        if known is None and len(best) >= MOST_NAMES:
            continue
        if known is None or (known.confidence or 0) < (entity.confidence or 0):
            best[identity] = entity
    return list(best.values())


def entity_passage(text: str, kind: str, score: float) -> Passage:
    """Return the passage of one entity."""
    confidence = round(score * 100, 2)
    return Passage("entity", text[:LONGEST_TEXT], filter_name(text), filter_name(kind), confidence=confidence)


def named_passage(
    kind: PassageKind, name: str, confidence: float | None, parent: str | None = None, at: float | None = None
) -> Passage:
    """Return the passage of a label, moderation label or celebrity."""
    return Passage(
        kind,
        name[:LONGEST_TEXT],
        filter_name(name),
        filter_name(parent or ""),
        confidence=confidence,
        start=at,
        end=at,
    )


def seen_text(text: str, confidence: float | None, at: float | None) -> Passage:
    """Return the passage of a line of visible text."""
    return Passage("text-in-video", text[:LONGEST_TEXT], confidence=confidence, start=at, end=at)


def face_passage(emotion: str, confidence: float | None, at: float | None) -> Passage:
    """Return the passage of a face."""
    return Passage("face", f"face {emotion}".strip().lower(), confidence=confidence, start=at, end=at)


def _detections(answer: _VisionAnswer, kind: PassageKind) -> Iterator[Passage]:
    match kind:
        case "label":
            yield from (_named(kind, each, each.label) for each in answer.labels)
        case "moderation":
            yield from (_named(kind, each, each.moderation_label) for each in answer.moderation_labels)
        case "celebrity":
            people = (*answer.celebrities, *answer.celebrity_faces)
            yield from (_named(kind, each, each.celebrity) for each in people)
        case "face":
            for each in (*answer.faces, *answer.face_details):
                face = each.face or each
                emotion = max(face.emotions, key=lambda score: score.confidence, default=_Score()).type
                yield face_passage(emotion, face.confidence, _at(each))
        case _:
            for each in answer.text_detections:
                line = each.text_detection or each
                if line.type == "LINE" and line.detected_text:
                    yield seen_text(line.detected_text, line.confidence, _at(each))


def _named(kind: PassageKind, timed: _Timed, inner: _Detection | None) -> Passage:
    detection = inner or timed
    parent = next((each.name for each in detection.parents), None) or detection.parent_name
    confidence = detection.match_confidence if detection.match_confidence is not None else detection.confidence
    return named_passage(kind, detection.name or "", confidence, parent, _at(timed))


def _at(timed: _Timed) -> float | None:
    return None if timed.timestamp is None else timed.timestamp / 1000


def _merged(group: Iterable[Passage]) -> list[Passage]:
    """Merge successive detections of one name; keep the highest confidence and at most 50 passages."""
    intervals: list[Passage] = []
    for each in sorted(group, key=lambda passage: passage.start or 0.0):
        last = intervals[-1] if intervals else None
        if last is None or (each.start or 0.0) - (last.end or 0.0) > GAP_SECONDS:
            intervals.append(each)
        else:
            confidence = max((value for value in (last.confidence, each.confidence) if value is not None), default=None)
            intervals[-1] = replace(last, confidence=confidence, end=each.end)
    return intervals[:MOST_INTERVALS]
