"""The vision features: operations, parameters and response parsers of Amazon Rekognition, each written once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from headrace.schemas.jobs import JobSpec
from headrace.schemas.records import Celebrity, CustomLabel, Face, Label, Segment, TextLine

Feature = Literal["labels", "moderation", "faces", "text", "segments", "celebrities", "custom"]
FeatureResponse = Mapping[str, Any]
MOST_TIMES = 50
"""Times of one custom label; the stored answer has all of them."""
Detections = Iterable[tuple[float | None, FeatureResponse]]
"""Detections with their timestamps in seconds; None in an image."""


@dataclass(frozen=True, slots=True)
class FeatureSpec:
    """The API calls of one feature.

    `image_field` and `video_field` are the response fields of the detections, `one` the field of a single detection.
    A `custom` feature needs a model of the user's own.
    A feature without `image` supports videos only, one without `start` images only. `options` returns the parameters
    for a minimum confidence.
    """

    records: Callable[[Detections], tuple[Any, ...]]
    start: str = ""
    get: str = ""
    video_field: str = ""
    one: str = ""
    image: str = ""
    image_field: str = ""
    model: str = ""
    custom: bool = False
    options: Callable[[float], dict[str, Any]] = lambda min_confidence: {}
    image_options: Callable[[float], dict[str, Any]] | None = None

    @property
    def methods(self) -> tuple[str, ...]:
        """Return the SDK methods of the feature."""
        return tuple(filter(None, (self.image, self.start, self.get)))

    @property
    def kinds(self) -> list[str]:
        """Return the kinds of media that the feature supports."""
        return [kind for kind, method in (("image", self.image), ("video", self.start)) if method]

    @property
    def job(self) -> JobSpec | None:
        """Return the specification of the video job; None for a feature of images only."""
        name = "".join(part.capitalize() for part in self.start.split("_"))
        return JobSpec("rekognition", name, self.get, options={"MaxResults": 1}) if name else None


def _labels(detections: Detections) -> tuple[Label, ...]:
    """Return the most confident detection of each name, sorted by confidence."""
    best: dict[str, Label] = {}
    for _, each in detections:
        parents = each.get("Parents") or [{"Name": each.get("ParentName")}]
        label = Label(name=each["Name"], confidence=round(each["Confidence"], 2), parent=parents[0]["Name"] or None)
        if label.name not in best or best[label.name].confidence < label.confidence:
            best[label.name] = label
    return tuple(sorted(best.values(), key=lambda label: (-label.confidence, label.name)))


def _faces(detections: Detections) -> tuple[Face, ...]:
    faces = (
        Face(
            confidence=round(each["Confidence"], 2),
            age_low=each.get("AgeRange", {}).get("Low"),
            age_high=each.get("AgeRange", {}).get("High"),
            emotion=_most_confident(each.get("Emotions", ())).get("Type"),
            at_seconds=at,
        )
        for at, each in detections
    )
    return tuple(sorted(faces, key=lambda face: (-face.confidence, face.at_seconds or 0.0)))


def _lines(detections: Detections) -> tuple[TextLine, ...]:
    """Return each distinct line with its most confident detection."""
    best: dict[str, TextLine] = {}
    for at, each in detections:
        line = TextLine(text=each["DetectedText"], confidence=round(each["Confidence"], 2), at_seconds=at)
        if each["Type"] == "LINE" and (line.text not in best or best[line.text].confidence < line.confidence):
            best[line.text] = line
    return tuple(sorted(best.values(), key=lambda line: (-line.confidence, line.text)))


def _celebrities(detections: Detections) -> tuple[Celebrity, ...]:
    best: dict[str, Celebrity] = {}
    for at, each in detections:
        confidence = each.get("MatchConfidence", each.get("Confidence", 0.0))
        celebrity = Celebrity(name=each["Name"], confidence=round(confidence, 2), at_seconds=at)
        if celebrity.name not in best or best[celebrity.name].confidence < celebrity.confidence:
            best[celebrity.name] = celebrity
    return tuple(sorted(best.values(), key=lambda celebrity: (-celebrity.confidence, celebrity.name)))


def _custom_labels(detections: Detections) -> tuple[CustomLabel, ...]:
    """Return each name once with its highest confidence and its first times, the surest first."""
    confidences: dict[str, float] = {}
    times: dict[str, list[float]] = {}
    for at, each in detections:
        name = each["Name"]
        confidences[name] = max(confidences.get(name, 0.0), round(each["Confidence"], 2))
        own = times.setdefault(name, [])
        if at is not None and at not in own and len(own) < MOST_TIMES:
            own.append(at)
    names = sorted(confidences, key=lambda name: (-confidences[name], name))
    return tuple(CustomLabel(name=name, confidence=confidences[name], at_seconds=tuple(times[name])) for name in names)


def _segments(detections: Detections) -> tuple[Segment, ...]:
    segments = (
        Segment(
            kind="Shot" if each["Type"] == "SHOT" else each["TechnicalCueSegment"]["Type"],
            start_seconds=each["StartTimestampMillis"] / 1000,
            end_seconds=each["EndTimestampMillis"] / 1000,
            confidence=round((each.get("ShotSegment") or each["TechnicalCueSegment"])["Confidence"], 2),
        )
        for _, each in detections
    )
    return tuple(sorted(segments, key=lambda segment: (segment.start_seconds, segment.kind)))


def _most_confident(detections: Iterable[FeatureResponse]) -> FeatureResponse:
    return max(detections, key=lambda each: each["Confidence"], default={})


def _min_confidence(min_confidence: float) -> dict[str, Any]:
    return {"MinConfidence": min_confidence}


VISION_FEATURES: dict[Feature, FeatureSpec] = {
    "labels": FeatureSpec(
        image="detect_labels",
        image_field="Labels",
        start="start_label_detection",
        get="get_label_detection",
        video_field="Labels",
        one="Label",
        model="LabelModelVersion",
        options=_min_confidence,
        records=_labels,
    ),
    "moderation": FeatureSpec(
        image="detect_moderation_labels",
        image_field="ModerationLabels",
        start="start_content_moderation",
        get="get_content_moderation",
        video_field="ModerationLabels",
        one="ModerationLabel",
        model="ModerationModelVersion",
        options=_min_confidence,
        records=_labels,
    ),
    "faces": FeatureSpec(
        image="detect_faces",
        image_field="FaceDetails",
        start="start_face_detection",
        get="get_face_detection",
        video_field="Faces",
        one="Face",
        options=lambda _: {"FaceAttributes": "ALL"},
        image_options=lambda _: {"Attributes": ["ALL"]},
        records=_faces,
    ),
    "text": FeatureSpec(
        image="detect_text",
        image_field="TextDetections",
        start="start_text_detection",
        get="get_text_detection",
        video_field="TextDetections",
        one="TextDetection",
        model="TextModelVersion",
        options=lambda min_confidence: {"Filters": {"WordFilter": {"MinConfidence": min_confidence}}},
        records=_lines,
    ),
    "segments": FeatureSpec(
        start="start_segment_detection",
        get="get_segment_detection",
        video_field="Segments",
        options=lambda min_confidence: {
            "SegmentTypes": ["TECHNICAL_CUE", "SHOT"],
            "Filters": {
                "TechnicalCueFilter": {"MinSegmentConfidence": min_confidence},
                "ShotFilter": {"MinSegmentConfidence": min_confidence},
            },
        },
        records=_segments,
    ),
    "celebrities": FeatureSpec(
        image="recognize_celebrities",
        image_field="CelebrityFaces",
        start="start_celebrity_recognition",
        get="get_celebrity_recognition",
        video_field="Celebrities",
        one="Celebrity",
        records=_celebrities,
    ),
    "custom": FeatureSpec(
        image="detect_custom_labels",
        image_field="CustomLabels",
        video_field="CustomLabels",
        one="CustomLabel",
        custom=True,
        options=_min_confidence,
        records=_custom_labels,
    ),
}

JOB_SPECS = {(job.service, job.operation): job for job in (feature.job for feature in VISION_FEATURES.values()) if job}
"""The specifications of video jobs, by service and operation."""
