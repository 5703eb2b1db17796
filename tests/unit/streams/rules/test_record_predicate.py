"""Tests of event patterns over records."""

from __future__ import annotations

from typing import Any

import pytest

from headrace.streams.rules import InvalidPatternError
from headrace.streams.rules.record_predicate import record_predicate
from tests.support.records import asset, ready, uploaded


@pytest.mark.parametrize(
    ("pattern", "matches"),
    [
        ({}, True),
        ({"kind": ["image"]}, True),
        ({"kind": ["video", "image"]}, True),
        ({"kind": ["video"]}, False),
        ({"nothing": ["image"]}, False),
        ({"asset": {"key": [{"prefix": "photos/"}]}}, True),
        ({"asset": {"key": [{"suffix": ".mp4"}]}}, False),
        ({"asset": {"size": [{"numeric": [">", 0, "<=", 10]}]}}, True),
        ({"asset": {"size": [{"numeric": [">", 10]}]}}, False),
        ({"asset": {"key": [{"numeric": [">", 0]}]}}, False),
        ({"duration_seconds": [{"exists": True}]}, False),
        ({"duration_seconds": [{"exists": False}]}, True),
        ({"kind": [{"anything-but": "video"}]}, True),
        ({"kind": [{"anything-but": ["video", "image"]}]}, False),
        ({"duration_seconds": [{"anything-but": 3}]}, False),
        ({"asset": {"key": [{"anything-but": {"suffix": "/"}}]}}, True),
        ({"kind": ["image"], "format": ["png"]}, False),
        ({"$or": [{"kind": ["video"]}, {"format": ["jpeg"]}]}, True),
        ({"asset": {"size": [True]}}, False),
        ({"asset": {"size": [10.0]}}, True),
    ],
)
def test_record_matches_if_every_field_matches(pattern: dict[str, Any], matches: bool) -> None:
    assert record_predicate(pattern)(ready()) is matches


def test_true_does_not_equal_one() -> None:
    assert not record_predicate({"asset": {"size": [True]}})(uploaded(asset(size=1)))


@pytest.mark.parametrize(
    ("pattern", "path"),
    [
        ({"kind": "image"}, "kind"),
        ({"kind": []}, "kind"),
        ({"asset": {"key": [{"sufix": ".mp4"}]}}, "asset.key"),
        ({"kind": [{"prefix": "a", "suffix": "b"}]}, "kind"),
        ({"kind": [{"prefix": 3}]}, "kind"),
        ({"kind": [{"exists": "yes"}]}, "kind"),
        ({"kind": [{"numeric": [">"]}]}, "kind"),
        ({"kind": [{"numeric": ["!=", 3]}]}, "kind"),
        ({"kind": [{"numeric": [">", "3"]}]}, "kind"),
    ],
)
def test_invalid_pattern_error_names_the_path(pattern: dict[str, Any], path: str) -> None:
    with pytest.raises(InvalidPatternError, match=path):
        record_predicate(pattern)
