"""Build Rekognition responses, and apply request filters."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from headrace.sandbox.ai.framework.errors import ServiceError
from headrace.sandbox.ai.framework.image_analysis import CATEGORY, Colour, DecodedImage, MeasuredLabel, css_name
from headrace.sandbox.ai.framework.video_analysis import Detection, VideoAnalysis

_FILTERS = (
    "LabelInclusionFilters",
    "LabelExclusionFilters",
    "LabelCategoryInclusionFilters",
    "LabelCategoryExclusionFilters",
)


def label(found: MeasuredLabel) -> dict[str, Any]:
    """Return a label in the format of AWS."""
    return {
        "Name": found.name,
        "Confidence": found.confidence,
        "Instances": [],
        "Parents": [{"Name": found.parent}],
        "Aliases": [],
        "Categories": [{"Name": CATEGORY}],
    }


def moderation_label(found: MeasuredLabel) -> dict[str, Any]:
    """Return a moderation label in the format of AWS; labels without a parent have level 1."""
    level = 2 if found.parent else 1
    return {"Name": found.name, "Confidence": found.confidence, "ParentName": found.parent, "TaxonomyLevel": level}


def image_properties(picture: DecodedImage, most_colours: int) -> dict[str, Any]:
    """Return the IMAGE_PROPERTIES of an image, without foreground and background."""
    return {
        "Quality": {"Brightness": picture.brightness, "Sharpness": picture.sharpness, "Contrast": picture.contrast},
        "DominantColors": [_colour(colour) for colour in picture.colours[:most_colours]],
    }


def video_metadata(seen: VideoAnalysis) -> dict[str, Any]:
    """Return the VideoMetadata of a video."""
    return {
        "Codec": seen.video.codec,
        "DurationMillis": seen.duration,
        "Format": "QuickTime / MOV",
        "FrameRate": seen.video.rate,
        "FrameHeight": seen.video.height,
        "FrameWidth": seen.video.width,
        "ColorRange": "FULL" if seen.video.full_range else "LIMITED",
    }


def times(found: Detection, aggregate_by: str) -> dict[str, int]:
    """Return the timestamps of a detection: a point in time, or a segment."""
    if aggregate_by == "TIMESTAMPS":
        return {"Timestamp": found.start}
    return {
        "Timestamp": found.start,
        "StartTimestampMillis": found.start,
        "EndTimestampMillis": found.end,
        "DurationMillis": found.end - found.start,
    }


def wanted(params: dict[str, Any], least_confidence: float) -> Callable[[MeasuredLabel], bool]:
    """Return a filter for the requested labels, by confidence, name and category."""
    least = params.get("MinConfidence", least_confidence)
    settings = params.get("Settings", {}).get("GeneralLabels", {})
    names, not_names, categories, not_categories = (settings.get(name, []) for name in _FILTERS)
    if (names and not_names) or (categories and not_categories):
        raise ServiceError("InvalidParameterException", "Inclusion and exclusion filters exclude each other.")

    def check(found: MeasuredLabel) -> bool:
        included = not (names or categories) or found.name in names or CATEGORY in categories
        return found.confidence >= least and included and found.name not in not_names and CATEGORY not in not_categories

    return check


def _colour(colour: Colour) -> dict[str, Any]:
    red, green, blue = colour.rgb
    return {
        "Red": red,
        "Green": green,
        "Blue": blue,
        "HexCode": f"#{red:02x}{green:02x}{blue:02x}",
        "CSSColor": css_name(colour.rgb),
        "SimplifiedColor": colour.simple,
        "PixelPercent": colour.percent,
    }
