"""Sample the frames of a video: one for each part of a shot, without near-duplicates."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from msgspec.structs import replace

from headrace.streams.media.ffmpeg import MediaSource, open_source
from headrace.streams.media.info import MediaInfo, unreadable
from headrace.streams.media.inspection.messages import Pictures, SampleFrames, ShotFrame, ShotFrames, Stills
from headrace.streams.media.perceptual_hash import is_similar
from headrace.streams.media.tools import MEDIA_TOOLS, MediaTools

CONTENT_TYPE = "image/jpeg"
MOST_FRAMES = 1_200
"""Frames of one video: those of an hour at the shortest distance. Longer videos have longer distances."""
SHORTEST_SECONDS = 3.0
LONGEST_SECONDS = 10.0
FRAME_SIDE = 1_280
PART_FRAMES = 20
"""Frames of one inspection, so that its time and its answer are bounded however long the video is."""


@dataclass(frozen=True, slots=True)
class SampledPicture:
    """A frame as a JPEG, its size in pixels and its position in seconds.

    `repeats` are the positions of near-duplicates that were dropped, in order of time.
    """

    content: bytes
    width: int
    height: int
    at: float
    repeats: tuple[float, ...] = ()


def most_frames(seconds: float) -> int:
    """Return the largest number of frames of a video of this length."""
    return max(1, min(MOST_FRAMES, math.ceil(seconds / SHORTEST_SECONDS)))


async def sample(
    path: Path, info: MediaInfo, name: str = "", tools: MediaTools = MEDIA_TOOLS
) -> tuple[SampledPicture, ...]:
    """Return at least one and at most `most_frames` frames of a probed video, in order of time.

    `name` is the key of its asset. The longest side of a frame has at most 1,280 pixels.

    Raises:
        StageError: As `probe`.
    """
    if not info.width or not info.height:
        raise unreadable("video", "the size of its pictures is unknown")
    scale = min(1.0, FRAME_SIDE / max(info.width, info.height))
    width, height = max(1, round(info.width * scale)), max(1, round(info.height * scale))
    with open_source(path, name or str(path), tools) as source:
        hint = source.type.demuxer or ""
        frames = await _sample_parts(source, SampleFrames(0.0, 0.0, 0.0, 0.0, width, height, hint), info)
        if frames:
            return tuple(dataclasses.replace(each, width=width, height=height) for each in distinct(frames))
        return (await _first_picture(source, Stills((0.0,), width, height, hint)),)


async def _sample_parts(source: MediaSource, request: SampleFrames, info: MediaInfo) -> list[ShotFrame]:
    """Sample one part of the video after the other; each is an inspection of its own."""
    stretch = max(1.0, (info.duration_seconds or 0.0) / (MOST_FRAMES * SHORTEST_SECONDS))
    shortest, longest = SHORTEST_SECONDS * stretch, LONGEST_SECONDS * stretch
    length = shortest * PART_FRAMES
    frames: list[ShotFrame] = []
    for number in range(MOST_FRAMES // PART_FRAMES):
        start = number * length
        part = replace(request, start=start, stop=start + length, shortest=shortest, longest=longest)
        answer = await source.tools.inspector.inspect(source.file, part, source.key)
        if not isinstance(answer, ShotFrames):
            raise unreadable(source.type.kind, "the decoder gave another answer")
        frames += answer.frames[:PART_FRAMES]
        if answer.ended:
            break
    return frames


def distinct(frames: Iterable[ShotFrame]) -> list[SampledPicture]:
    """Drop each frame that is similar to an earlier one, and keep its position with that one."""
    kept: list[ShotFrame] = []
    repeats: list[list[float]] = []
    for frame in frames:
        earlier = next((number for number, each in enumerate(kept) if is_similar(frame.hash, each.hash)), None)
        if earlier is None:
            kept.append(frame)
            repeats.append([])
        else:
            repeats[earlier].append(frame.at)
    return [
        SampledPicture(frame.content, 0, 0, frame.at, tuple(again)) for frame, again in zip(kept, repeats, strict=True)
    ]


async def _first_picture(source: MediaSource, request: Stills) -> SampledPicture:
    """Return the first picture: every part of the video is blank, or its frames have no times."""
    answer = await source.tools.inspector.inspect(source.file, request, source.key)
    if not isinstance(answer, Pictures) or not answer.stills:
        raise unreadable(source.type.kind, "it has no picture")
    still = answer.stills[0]
    return SampledPicture(still.content, still.width, still.height, still.at)
