"""Tests of stored answers of face detection: an answer that may miss a face is rejected."""

from __future__ import annotations

import json
from typing import Any

import pytest

from headrace.schemas.parsing import InvalidValueError
from headrace.streams.media.detected_faces import faces_of_picture, faces_of_video
from headrace.streams.media.face_regions import FaceBox, FaceSighting
from tests.support.records import ready

BOX = {"Left": 0.25, "Top": -0.25, "Width": 0.5, "Height": 0.5}
FACE = {"BoundingBox": BOX, "Confidence": 99.0}
METADATA = {"DurationMillis": 7800, "FrameWidth": 320, "FrameHeight": 240, "Codec": "h264"}
FILM = ready(kind="video", duration_seconds=7.8, width=640, height=480)


def picture(*faces: dict[str, Any]) -> bytes:
    return json.dumps({"FaceDetails": faces}).encode()


def video(times: list[int], metadata: Any = METADATA) -> bytes:
    faces = [{"Timestamp": at, "Face": FACE} for at in times]
    return json.dumps({"JobId": "j", "VideoMetadata": metadata, "Faces": faces}).encode()


def test_boxes_are_within_the_picture() -> None:
    assert faces_of_picture(picture(FACE), 1) == (FaceBox(0.25, 0.0, 0.75, 0.25),)
    assert faces_of_video(video([1500]), 1, FILM) == (FaceSighting(1.5, FaceBox(0.25, 0.0, 0.75, 0.25)),)


def test_no_faces_are_a_complete_answer() -> None:
    assert faces_of_picture(picture(), 0) == ()
    assert faces_of_video(video([]), 0, FILM) == ()


@pytest.mark.parametrize(
    ("content", "count", "reason"),
    [
        (b"{}", 0, "FaceDetails"),
        (picture(FACE), 2, "has 1 faces, and its event 2"),
        (picture({"Confidence": 99.0}), 1, "BoundingBox"),
        (picture({"BoundingBox": {**BOX, "Left": "NaN"}}), 1, "Left"),
        (picture(*[FACE] * 100), 100, "there may be more"),
    ],
)
def test_picture_with_an_incomplete_answer_is_rejected(content: bytes, count: int, reason: str) -> None:
    with pytest.raises(InvalidValueError, match=reason):
        faces_of_picture(content, count)


@pytest.mark.parametrize(
    ("content", "count", "reason"),
    [
        (b'{"Faces": []}', 0, "only sampled frames"),
        (video([0], None), 1, "only sampled frames"),
        (video([0]), 2, "has 1 faces, and its event 2"),
        (video([500] * 100), 100, "there may be more"),
        (video([0], {**METADATA, "DurationMillis": 3000}), 1, "3 s of 7.8 s were analysed"),
        (video([0], {**METADATA, "FrameWidth": 240, "FrameHeight": 320}), 1, "frames of 240x320"),
        (video([0], {**METADATA, "FrameHeight": 0}), 1, "size of the frames is unknown"),
    ],
)
def test_video_with_an_incomplete_answer_is_rejected(content: bytes, count: int, reason: str) -> None:
    with pytest.raises(InvalidValueError, match=reason):
        faces_of_video(content, count, FILM)
