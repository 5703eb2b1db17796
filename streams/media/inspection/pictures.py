"""Make pictures of a media file: frames of a video, or the waveform of audio. Runs in a process with limits."""

from __future__ import annotations

import time
from fractions import Fraction
from itertools import pairwise
from typing import Any

import av
from av.filter import Graph
from av.video.frame import VideoFrame

from headrace.streams.media.info import unreadable
from headrace.streams.media.inspection.container import Media
from headrace.streams.media.inspection.decoding import Part, decoded, frame_end, seek, steps_back
from headrace.streams.media.inspection.messages import Still, Stills, Waveform

JPEG_QUALITY = 4 * 118  # quantiser scale times FF_QP2LAMBDA
SAMPLE_RATE = 8000
STILL_CPU_SECONDS = 10.0
"""CPU time after which the picture decoded last stands for the one at the position."""
WAVEFORM_CPU_SECONDS = 40.0
"""CPU time after which the waveform ends."""
_TURNS: dict[int, tuple[tuple[str, str], ...]] = {
    90: (("transpose", "cclock"),),
    180: (("hflip", ""), ("vflip", "")),
    270: (("transpose", "clock"),),
}


def stills(media: Media, request: Stills) -> tuple[Still, ...]:
    """Return the pictures of a video at the given positions, fewer if it has none at some of them."""
    found = [(position, _frame_at(media, position)) for position in request.positions]
    if not any(frame for _, frame in found):
        found = [(0.0, _frame_at(media, 0.0))]
    width, height = request.width, request.height
    return tuple(Still(to_jpeg(frame, width, height), at, width, height) for at, frame in found if frame)


def _frame_at(media: Media, position: float) -> VideoFrame | None:
    """Return the picture that is shown at a position, or the next one; None if there is none."""
    for start in steps_back(position):
        if not seek(media, start):
            break
        frame = _first_frame_after(media, position, start > 0)
        if frame is not None:
            return frame
    return None


def _first_frame_after(media: Media, position: float, skip_to_key: bool) -> VideoFrame | None:
    """Decode from a key frame at or before a position; None if there is none from here on."""
    last, deadline = None, time.process_time() + STILL_CPU_SECONDS
    assert media.video is not None
    for _, frames in decoded(media, [media.video], Part(), skip_to_key):
        for frame in frames:
            if last is None and skip_to_key and frame.time is not None and frame.time - media.start > position + 1:
                return None
            last = frame
            is_late = time.process_time() > deadline
            if isinstance(frame, VideoFrame) and (is_late or frame_end(media, frame) > position):
                return frame
    return last if isinstance(last, VideoFrame) else None


def to_jpeg(frame: VideoFrame, width: int, height: int) -> bytes:
    """Encode a frame, upright and scaled to a size in pixels."""
    scaled = _upright(frame).reformat(width, height, format="yuvj420p", interpolation="BICUBIC", threads=1)
    return _encoded("mjpeg", scaled)


def _upright(frame: VideoFrame) -> VideoFrame:
    """Turn a frame as its display matrix says."""
    turns = _TURNS.get(round(frame.rotation / 90) * 90 % 360)
    if turns is None:
        return frame
    graph = new_graph()
    source = graph.add_buffer(width=frame.width, height=frame.height, format=frame.format, time_base=frame.time_base)
    steps = [source, *(graph.add(name, arguments) for name, arguments in turns), graph.add("buffersink")]
    configure(graph, steps)
    graph.push(frame)
    return graph.vpull()


def new_graph() -> Graph:
    """Return a filter graph of one thread."""
    graph = Graph()
    graph.threads = 1
    return graph


def configure(graph: Graph, steps: list[Any]) -> None:
    """Link the filters of a graph in their order."""
    for step, following in pairwise(steps):
        step.link_to(following)
    graph.configure()


def waveform(media: Media, request: Waveform) -> Still:
    """Return the waveform; resampled first, because the filter keeps all samples in memory.

    Raises:
        PermanentError: `unreadable`: no sound can be decoded.
    """
    part, graph = Part(), new_graph()
    if media.audio is None:
        raise unreadable("audio", part.reason)
    is_ready, deadline = False, time.process_time() + WAVEFORM_CPU_SECONDS
    for _, frames in decoded(media, [media.audio], part, False):
        for frame in frames:
            if not is_ready:
                configure(graph, _waveform_steps(graph, frame, request))
                is_ready = True
            graph.push(frame)
        if time.process_time() > deadline or (frames and frame_end(media, frames[-1]) >= request.seconds):
            break
    if not is_ready:
        raise unreadable("audio", part.reason)
    graph.push(None)
    return Still(_encoded("png", graph.vpull().reformat(format="rgb24", threads=1)), 0.0, request.width, request.height)


def _waveform_steps(graph: Graph, frame: Any, request: Waveform) -> list[Any]:
    source = graph.add_abuffer(
        sample_rate=frame.sample_rate, format=frame.format, layout=frame.layout, time_base=frame.time_base
    )
    return [
        source,
        graph.add("aformat", "channel_layouts=mono"),
        graph.add("aresample", str(SAMPLE_RATE)),
        graph.add("showwavespic", f"s={request.width}x{request.height}:colors=#2f6f9f"),
        graph.add("buffersink"),
    ]


def _encoded(codec: str, frame: VideoFrame) -> bytes:
    encoder: Any = av.CodecContext.create(codec, "w")
    encoder.width, encoder.height, encoder.pix_fmt = frame.width, frame.height, frame.format.name
    encoder.time_base = Fraction(1, 25)
    encoder.thread_count = 1
    if codec == "mjpeg":
        encoder.qscale = True
        encoder.global_quality = JPEG_QUALITY
    frame.pts = None
    return b"".join(bytes(packet) for packet in (*encoder.encode(frame), *encoder.encode(None)))
