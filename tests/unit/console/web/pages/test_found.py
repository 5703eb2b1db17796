"""Tracks and texts of what was found."""

from __future__ import annotations

from typing import Any

from headrace.console.views.queries.asset_detail import FoundPassage
from headrace.console.web.pages.assets.found import MOST_TRACKS, findings


def passage(kind: str, text: str = "x", **changes: Any) -> FoundPassage:
    given = dict.fromkeys(("confidence", "start", "end", "page"))
    return FoundPassage(
        kind, text=text, **{"stage": kind, "name": "", "category": "", "language": "", **given, **changes}
    )


def test_each_label_has_a_track_and_faces_share_one() -> None:
    found = findings(
        [
            passage("label", "Dog", start=0.0, end=2.0),
            passage("label", "Cat", start=1.0, end=9.0),
            passage("face", "face calm", start=3.0, end=3.0),
            passage("face", "face happy", start=5.0, end=6.0),
            passage("thumbnail", "s3://b/k", start=100.0),
        ]
    )
    assert [(track.kind, track.name, len(track.intervals)) for track in found.tracks] == [
        ("label", "Cat", 1),
        ("label", "Dog", 1),
        ("face", "Faces", 2),
    ]
    assert found.seconds == 9.0


def test_a_moment_without_length_stays_visible() -> None:
    [track] = findings([passage("label", start=3.0, end=3.0)]).tracks
    assert track.intervals[0].end > 3.0


def test_only_the_longest_labels_have_tracks() -> None:
    labels = [passage("label", f"label {number}", start=0.0, end=float(number)) for number in range(40)]
    names = [track.name for track in findings(labels).tracks]
    assert len(names) == MOST_TRACKS
    assert "label 39" in names


def test_texts_are_grouped_by_page_and_language() -> None:
    found = findings(
        [passage("page", "one", page=1), passage("page", "two", page=2), passage("translation", language="de")]
    )
    assert {kind: list(groups) for kind, groups in found.texts.items()} == {
        "page": ["Page 1", "Page 2"],
        "translation": ["de"],
    }


def test_names_appear_once_with_their_first_moment() -> None:
    found = findings(
        [passage("label", "Cat", start=8.0, confidence=50.0), passage("label", "Cat", start=2.0, confidence=90.0)]
    )
    [cat] = found.names
    assert (cat.places, cat.confidence, cat.start) == (2, 90.0, 2.0)
