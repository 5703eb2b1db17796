"""What Rekognition calls the operations of each feature, what it is to be told, and how its answers become records."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from headrace.schemas.records import Celebrity, Face, Label, Segment, TextLine
from headrace.streams.service_results import Feature

FeatureResponse = Mapping[str, Any]
Detections = Iterable[tuple[float | None, FeatureResponse]]
"""What was seen, each with its moment in seconds; None in an image."""


@dataclass(frozen=True, slots=True)
class Operations:
    """One feature. `of_image` and `of_video` name where an answer holds what was found; `one` is a sighting's own name.

    A feature without `image` is for videos alone. `options` gives parameters by the least confidence that counts.
    """

    start: str
    get: str
    of_video: str
    records: Callable[[Detections], tuple[Any, ...]]
    one: str = ""
    image: str = ""
    of_image: str = ""
    model: str = ""
    options: Callable[[float], dict[str, Any]] = lambda least: {}
    image_options: Callable[[float], dict[str, Any]] | None = None


def _labels(found: Detections) -> tuple[Label, ...]:
    """Keep the surest sighting of each name, surest first."""
    best: dict[str, Label] = {}
    for _, each in found:
        parents = each.get("Parents") or [{"Name": each.get("ParentName")}]
        label = Label(name=each["Name"], confidence=round(each["Confidence"], 2), parent=parents[0]["Name"] or None)
        if label.name not in best or best[label.name].confidence < label.confidence:
            best[label.name] = label
    return tuple(sorted(best.values(), key=lambda label: (-label.confidence, label.name)))


def _faces(found: Detections) -> tuple[Face, ...]:
    faces = (
        Face(
            confidence=round(each["Confidence"], 2),
            age_low=each.get("AgeRange", {}).get("Low"),
            age_high=each.get("AgeRange", {}).get("High"),
            emotion=_surest(each.get("Emotions", ())).get("Type"),
            at_seconds=at,
        )
        for at, each in found
    )
    return tuple(sorted(faces, key=lambda face: (-face.confidence, face.at_seconds or 0.0)))


def _lines(found: Detections) -> tuple[TextLine, ...]:
    """Keep whole lines, each text once, where it was surest."""
    best: dict[str, TextLine] = {}
    for at, each in found:
        line = TextLine(text=each["DetectedText"], confidence=round(each["Confidence"], 2), at_seconds=at)
        if each["Type"] == "LINE" and (line.text not in best or best[line.text].confidence < line.confidence):
            best[line.text] = line
    return tuple(sorted(best.values(), key=lambda line: (-line.confidence, line.text)))


def _celebrities(found: Detections) -> tuple[Celebrity, ...]:
    best: dict[str, Celebrity] = {}
    for at, each in found:
        sure = each.get("MatchConfidence", each.get("Confidence", 0.0))
        known = Celebrity(name=each["Name"], confidence=round(sure, 2), at_seconds=at)
        if known.name not in best or best[known.name].confidence < known.confidence:
            best[known.name] = known
    return tuple(sorted(best.values(), key=lambda known: (-known.confidence, known.name)))


def _segments(found: Detections) -> tuple[Segment, ...]:
    segments = (
        Segment(
            kind="Shot" if each["Type"] == "SHOT" else each["TechnicalCueSegment"]["Type"],
            start_seconds=each["StartTimestampMillis"] / 1000,
            end_seconds=each["EndTimestampMillis"] / 1000,
            confidence=round((each.get("ShotSegment") or each["TechnicalCueSegment"])["Confidence"], 2),
        )
        for _, each in found
    )
    return tuple(sorted(segments, key=lambda segment: (segment.start_seconds, segment.kind)))


def _surest(found: Iterable[FeatureResponse]) -> FeatureResponse:
    return max(found, key=lambda each: each["Confidence"], default={})


def _least(least: float) -> dict[str, Any]:
    return {"MinConfidence": least}


OPERATIONS: dict[Feature, Operations] = {
    "labels": Operations(
        image="detect_labels",
        of_image="Labels",
        start="start_label_detection",
        get="get_label_detection",
        of_video="Labels",
        one="Label",
        model="LabelModelVersion",
        options=_least,
        records=_labels,
    ),
    "moderation": Operations(
        image="detect_moderation_labels",
        of_image="ModerationLabels",
        start="start_content_moderation",
        get="get_content_moderation",
        of_video="ModerationLabels",
        one="ModerationLabel",
        model="ModerationModelVersion",
        options=_least,
        records=_labels,
    ),
    "faces": Operations(
        image="detect_faces",
        of_image="FaceDetails",
        start="start_face_detection",
        get="get_face_detection",
        of_video="Faces",
        one="Face",
        options=lambda _: {"FaceAttributes": "ALL"},
        image_options=lambda _: {"Attributes": ["ALL"]},
        records=_faces,
    ),
    "text": Operations(
        image="detect_text",
        of_image="TextDetections",
        start="start_text_detection",
        get="get_text_detection",
        of_video="TextDetections",
        one="TextDetection",
        model="TextModelVersion",
        options=lambda least: {"Filters": {"WordFilter": {"MinConfidence": least}}},
        records=_lines,
    ),
    "segments": Operations(
        start="start_segment_detection",
        get="get_segment_detection",
        of_video="Segments",
        options=lambda least: {
            "SegmentTypes": ["TECHNICAL_CUE", "SHOT"],
            "Filters": {
                "TechnicalCueFilter": {"MinSegmentConfidence": least},
                "ShotFilter": {"MinSegmentConfidence": least},
            },
        },
        records=_segments,
    ),
    "celebrities": Operations(
        image="recognize_celebrities",
        of_image="CelebrityFaces",
        start="start_celebrity_recognition",
        get="get_celebrity_recognition",
        of_video="Celebrities",
        one="Celebrity",
        records=_celebrities,
    ),
}
