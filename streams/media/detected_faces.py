"""Read where faces are from a stored answer of face detection, and reject an answer that may miss some. Pure.

Source: Amazon Rekognition API Reference, DetectFaces and GetFaceDetection.
"""

from __future__ import annotations

from collections import Counter

import msgspec

from headrace.schemas.parsing import InvalidValueError, parse_struct
from headrace.schemas.records import MediaReady
from headrace.streams.media.face_regions import FaceBox, FaceSighting

MOST_FACES = 100
"""Rekognition returns the 100 largest faces of a picture or frame: there may be more."""
TOLERANCE_SECONDS = 1.0
TOLERANCE = 0.02
"""Largest differences between the length and shape of the video that was analysed and of the file."""


class _Box(msgspec.Struct, frozen=True, rename="pascal"):
    left: float
    top: float
    width: float
    height: float

    def in_picture(self) -> FaceBox:
        return FaceBox(
            min(1.0, max(0.0, self.left)),
            min(1.0, max(0.0, self.top)),
            min(1.0, max(0.0, self.left + self.width)),
            min(1.0, max(0.0, self.top + self.height)),
        )


class _Face(msgspec.Struct, frozen=True, rename="pascal"):
    bounding_box: _Box


class _TimedFace(msgspec.Struct, frozen=True, rename="pascal"):
    timestamp: int
    face: _Face


class _VideoMetadata(msgspec.Struct, frozen=True, rename="pascal"):
    duration_millis: int
    frame_width: int
    frame_height: int


class _PictureAnswer(msgspec.Struct, frozen=True, rename="pascal"):
    face_details: tuple[_Face, ...]


class _VideoAnswer(msgspec.Struct, frozen=True, rename="pascal"):
    faces: tuple[_TimedFace, ...]
    video_metadata: _VideoMetadata | None = None


def faces_of_picture(content: bytes, count: int) -> tuple[FaceBox, ...]:
    """Return the faces of a picture; `count` is the number in the event.

    Raises:
        InvalidValueError: the answer is invalid, or may not have all faces.
    """
    faces = parse_struct(content, _PictureAnswer).face_details
    _check_count(len(faces), count)
    if len(faces) >= MOST_FACES:
        raise InvalidValueError(f"it has {len(faces)} faces, the most of one answer; there may be more")
    return tuple(face.bounding_box.in_picture() for face in faces)


def faces_of_video(content: bytes, count: int, media: MediaReady) -> tuple[FaceSighting, ...]:
    """Return the faces of a video with their times; `count` is the number in the event.

    Raises:
        InvalidValueError: the answer is invalid, may not have all faces, or is about another video.
    """
    answer = parse_struct(content, _VideoAnswer)
    if answer.video_metadata is None:
        raise InvalidValueError('only sampled frames were analysed; remove sample = "scenes" from the stage')
    _check_count(len(answer.faces), count)
    most = max(Counter(face.timestamp for face in answer.faces).values(), default=0)
    if most >= MOST_FACES:
        raise InvalidValueError(f"a frame has {most} faces, the most of one answer; there may be more")
    _check_video(answer.video_metadata, media)
    return tuple(FaceSighting(each.timestamp / 1000, each.face.bounding_box.in_picture()) for each in answer.faces)


def _check_count(found: int, expected: int) -> None:
    if found != expected:
        raise InvalidValueError(f"it has {found} faces, and its event {expected}")


def _check_video(analysed: _VideoMetadata, media: MediaReady) -> None:
    """Reject faces of a video that is shorter than the file, or has another shape, as if it were rotated."""
    seconds = analysed.duration_millis / 1000
    if seconds < (media.duration_seconds or 0.0) * (1 - TOLERANCE) - TOLERANCE_SECONDS:
        raise InvalidValueError(f"{seconds:g} s of {media.duration_seconds:g} s were analysed")
    if not media.width or not media.height or analysed.frame_height < 1 or analysed.frame_width < 1:
        raise InvalidValueError("the size of the frames is unknown")
    shape, expected = analysed.frame_width / analysed.frame_height, media.width / media.height
    if abs(shape / expected - 1) > TOLERANCE:
        size = f"{analysed.frame_width}x{analysed.frame_height}"
        raise InvalidValueError(f"frames of {size} were analysed, and the file is {media.width}x{media.height}")
