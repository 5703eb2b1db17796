"""Tests of the regions that cover the faces of a video."""

from __future__ import annotations

import random

import pytest

from headrace.streams.media.face_regions import (
    HOLD_SECONDS,
    LONE_HOLD_SECONDS,
    MOST_REGIONS,
    PADDING,
    FaceBox,
    FaceRegion,
    FaceSighting,
    face_regions,
)


def box(left: float, top: float = 0.4, side: float = 0.1) -> FaceBox:
    return FaceBox(left, top, left + side, top + side)


def covers(regions: tuple[FaceRegion, ...], at: float, wanted: FaceBox) -> bool:
    """Return whether one region contains a box at a moment."""
    return any(region.start <= at <= region.end and region.box.joined(wanted) == region.box for region in regions)


def test_still_face_is_one_region_with_padding_before_and_after() -> None:
    [region] = face_regions(FaceSighting(2 + at / 2, box(0.4)) for at in range(5))
    assert (region.start, region.end) == (2 - HOLD_SECONDS, 4 + HOLD_SECONDS)
    assert region.box.left == pytest.approx(0.4 - PADDING * 0.1)
    assert region.box.bottom == pytest.approx(0.5 + PADDING * 0.1)


def test_region_ends_at_the_edge_of_the_picture() -> None:
    [region] = face_regions(
        [FaceSighting(0.2, FaceBox(0.0, 0.95, 0.1, 1.0)), FaceSighting(0.4, FaceBox(0.0, 0.95, 0.1, 1.0))]
    )
    assert (region.start, region.box.left, region.box.bottom) == (0.0, 0.0, 1.0)


def test_moving_face_is_covered_on_its_way_from_one_sample_to_the_next() -> None:
    faces = [FaceSighting(at / 2, box(0.1 + 0.12 * at)) for at in range(7)]
    regions = face_regions(faces)
    for step in range(61):
        at = step / 20
        assert covers(regions, at, box(0.1 + 0.24 * at)), at
    assert max(region.box.area for region in regions) < 0.15, "it hides much more than the face"


def test_rare_samples_cover_the_time_between_them() -> None:
    regions = face_regions(FaceSighting(6.0 * number, box(0.4)) for number in range(4))
    assert all(covers(regions, at, box(0.4)) for at in range(25))


def test_face_in_a_single_sample_is_covered_for_long() -> None:
    [region] = face_regions([FaceSighting(20.0, box(0.4))])
    assert (region.start, region.end) == (20 - LONE_HOLD_SECONDS, 20 + LONE_HOLD_SECONDS)


def test_two_faces_are_apart() -> None:
    faces = [FaceSighting(at / 2, box(left)) for at in range(4) for left in (0.1, 0.7)]
    assert len(face_regions(faces)) == 2


def test_face_that_leaves_is_not_covered_afterwards() -> None:
    regions = face_regions([*(FaceSighting(at / 2, box(0.1)) for at in range(4)), FaceSighting(60.0, box(0.1))])
    assert not covers(regions, 30.0, box(0.1))


def test_no_face_needs_no_region() -> None:
    assert face_regions([]) == ()


def test_many_faces_have_a_bounded_number_of_regions_that_cover_all() -> None:
    draw = random.Random(7)
    faces = [FaceSighting(3.0 * number, box(draw.random() * 0.9, draw.random() * 0.9)) for number in range(3_000)]
    regions = face_regions(faces)
    assert len(regions) <= MOST_REGIONS
    assert all(covers(regions, face.at, face.box) for face in faces)
