"""Rekognition response formats and filters."""

from __future__ import annotations

from typing import Any

import pytest

from headrace.sandbox.ai.framework.errors import ServiceError
from headrace.sandbox.ai.framework.image_analysis import CATEGORY, MeasuredLabel
from headrace.sandbox.ai.rekognition import responses

BLUE, GREY, FAINT = (
    MeasuredLabel("Blue", 90.0, "Color"),
    MeasuredLabel("Grey", 80.0, "Color"),
    MeasuredLabel("Dark", 51.0, "Brightness"),
)


def kept(general: dict[str, Any], **params: Any) -> list[str]:
    check = responses.wanted({"Settings": {"GeneralLabels": general}, **params}, 55)
    return [label.name for label in (BLUE, GREY, FAINT) if check(label)]


def test_labels_below_the_confidence_are_left_out() -> None:
    assert kept({}) == ["Blue", "Grey"]
    assert kept({}, MinConfidence=50) == ["Blue", "Grey", "Dark"]
    assert kept({}, MinConfidence=85) == ["Blue"]


def test_filters_include_and_exclude_by_name_and_category() -> None:
    assert kept({"LabelInclusionFilters": ["Grey"]}) == ["Grey"]
    assert kept({"LabelExclusionFilters": ["Grey"]}) == ["Blue"]
    assert kept({"LabelCategoryInclusionFilters": [CATEGORY], "LabelExclusionFilters": ["Blue"]}) == ["Grey"]
    assert kept({"LabelCategoryExclusionFilters": [CATEGORY]}) == []
    assert kept({"LabelCategoryInclusionFilters": ["Animals and Pets"]}) == []


def test_including_and_excluding_at_once_is_refused() -> None:
    with pytest.raises(ServiceError, match="InvalidParameterException"):
        kept({"LabelInclusionFilters": ["Grey"], "LabelExclusionFilters": ["Blue"]})


def test_a_moderation_label_without_a_parent_is_of_the_first_level() -> None:
    assert responses.moderation_label(MeasuredLabel("Top", 60.0, ""))["TaxonomyLevel"] == 1
    assert responses.moderation_label(MeasuredLabel("Below", 60.0, "Top"))["TaxonomyLevel"] == 2
