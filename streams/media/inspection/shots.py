"""Choose frames that represent the shots of a video. Runs in a process with limits.

Two frames a second are compared at a small size. A part of a shot ends at a cut or when its content has changed; its
sharpest frame represents it. Sources: the filters `scdet` and `blurdetect` of FFmpeg; dHash by N. Krawetz, "Kind of
Like That" (2013), here with 16 x 16 differences.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

from av.filter import Graph
from av.video.frame import VideoFrame

from headrace.schemas.parsing import InvalidValueError, parse_float
from headrace.streams.media.inspection.container import Media
from headrace.streams.media.inspection.decoding import Part, decoded, seek
from headrace.streams.media.inspection.messages import HASH_BYTES, SampleFrames, ShotFrame, ShotFrames
from headrace.streams.media.inspection.pictures import configure, new_graph, to_jpeg
from headrace.streams.media.perceptual_hash import HASH_SIDE, difference_hash, is_similar

STEP_SECONDS = 0.5
CUT_SCORE = 10.0
"""Score of `scdet` from which two frames belong to different shots. Source: its documentation, default 10."""
ANALYSED_SIDE = 320
BLANK_RANGE = 16
"""A frame whose grey values differ by less is blank, such as a black one: no service detects anything in it."""
KEY_FRAMES_CPU_SECONDS = 6.0
"""CPU time after which only key frames are decoded."""
LAST_CPU_SECONDS = 20.0
"""CPU time after which the rest of the part is left out."""


@dataclass(frozen=True, slots=True)
class _Candidate:
    frame: VideoFrame
    at: float
    hash: bytes
    blur: float
    is_blank: bool
    is_cut: bool


def sample(media: Media, request: SampleFrames) -> ShotFrames:
    """Return the frames of a part of a video; none where it is blank.

    An expensive video is sampled at its key frames, or at the start of the part only.
    """
    if media.video is None or not seek(media, request.start):
        return ShotFrames((), ended=True)
    analyser, shots, part = _Analyser(media), _Shots(request), Part()
    for frame, at in _frames(media, request.start, part):
        if at >= request.stop:
            part.is_complete = False
            break
        shots.add(analyser.analyse(frame, at))
    return ShotFrames(shots.finish(), ended=part.is_complete)


def _frames(media: Media, start: float, part: Part) -> Iterator[tuple[VideoFrame, float]]:
    """Yield the frames from a time on, one for each step, with their times. The part is complete at the end."""
    assert media.video is not None
    began, next_at = time.process_time(), start
    for _, frames in decoded(media, [media.video], part, skip_to_key=start > 0):
        used = time.process_time() - began
        if used > LAST_CPU_SECONDS:
            part.is_complete = False
            return
        if used > KEY_FRAMES_CPU_SECONDS:
            media.video.codec_context.skip_frame = "NONKEY"
        for frame in frames:
            if not isinstance(frame, VideoFrame) or frame.time is None:
                continue
            at = frame.time - media.start
            if at >= next_at:
                next_at = at + STEP_SECONDS
                yield frame, at


class _Analyser:
    """Measures frames at a small size. The graph stays the same if the size of the frames changes."""

    def __init__(self, media: Media) -> None:
        assert media.video is not None
        width, height = media.video.codec_context.width or 1, media.video.codec_context.height or 1
        scale = ANALYSED_SIDE / max(width, height)
        self._size = max(16, round(width * scale)), max(16, round(height * scale))
        self._graph: Graph | None = None

    def analyse(self, frame: VideoFrame, at: float) -> _Candidate:
        """Return the measured frame."""
        width, height = self._size
        grey = frame.reformat(width, height, format="gray", interpolation="AREA", threads=1)
        graph = self._graph or self._build(grey)
        graph.push(grey)
        measured = graph.vpull()
        values = dict(measured.metadata)
        pixels = _pixels(measured.reformat(HASH_SIDE + 1, HASH_SIDE, interpolation="AREA", threads=1))
        return _Candidate(
            frame,
            at,
            difference_hash(pixels),
            _number(values.get("lavfi.blur"), float("inf")),
            max(pixels) - min(pixels) < BLANK_RANGE,
            _number(values.get("lavfi.scd.score"), 0.0) >= CUT_SCORE,
        )

    def _build(self, grey: VideoFrame) -> Graph:
        graph = new_graph()
        source = graph.add_buffer(width=grey.width, height=grey.height, format=grey.format, time_base=grey.time_base)
        filters = (graph.add("scdet"), graph.add("blurdetect"), graph.add("buffersink"))
        configure(graph, [source, *filters])
        self._graph = graph
        return graph


def _pixels(grey: VideoFrame) -> bytes:
    """Return the pixels row by row, without padding."""
    plane = grey.planes[0]
    content = bytes(plane)
    return b"".join(content[row * plane.line_size :][: grey.width] for row in range(grey.height))


def _number(text: str | None, otherwise: float) -> float:
    try:
        return parse_float(text or "")
    except InvalidValueError:  # blurdetect returns NaN for a frame without edges
        return otherwise


class _Shots:
    """The parts of shots: each is represented by its sharpest frame."""

    def __init__(self, request: SampleFrames) -> None:
        self._request = request
        self._first: _Candidate | None = None
        self._best: _Candidate | None = None
        self._samples: list[ShotFrame] = []

    def add(self, candidate: _Candidate) -> None:
        """Add the next frame."""
        if self._first is not None and self._ends_before(candidate, self._first):
            self._close()
        self._first = self._first or candidate
        if not candidate.is_blank and (self._best is None or candidate.blur < self._best.blur):
            self._best = candidate

    def finish(self) -> tuple[ShotFrame, ...]:
        """Return the samples."""
        self._close()
        return tuple(self._samples)

    def _ends_before(self, candidate: _Candidate, first: _Candidate) -> bool:
        length = candidate.at - first.at
        if length < self._request.shortest:
            return False
        return length >= self._request.longest or candidate.is_cut or not is_similar(candidate.hash, first.hash)

    def _close(self) -> None:
        if self._best is not None:
            content = to_jpeg(self._best.frame, self._request.width, self._request.height)
            self._samples.append(ShotFrame(content, self._best.at, self._best.hash))
        self._first = self._best = None


assert HASH_SIDE * HASH_SIDE == 8 * HASH_BYTES
