"""Decode parts of a media file, to prove that it is whole. Runs in a process with limits.

The proof tolerates what players tolerate. Only decoded frames and their times count, never a message of a decoder.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import av
from av.audio.frame import AudioFrame
from av.packet import Packet
from av.stream import Stream
from av.video.frame import VideoFrame

from headrace.streams.errors import PermanentError
from headrace.streams.media.info import MAX_PIXELS, MediaKind, too_large, unreadable
from headrace.streams.media.inspection.container import Media

HEAD_SECONDS = 4.0
TAIL_SECONDS = 3.0
SLACK_SECONDS = 1.0
MAX_ERROR_SHARE = 2 / 3
"""Share of damaged packets that makes a file unreadable. Source: ffmpeg(1), `-max_error_rate`."""
SAMPLE_CPU_SECONDS = 10.0
"""CPU time after which decoding stops: what was decoded so far is proof enough of an expensive file."""


@dataclass(slots=True)
class Part:
    """The result of decoding a part. `end` is the end of the last frame in seconds."""

    end: float = 0.0
    packets: int = 0
    errors: int = 0
    reason: str = "no frame can be decoded"
    frames: dict[int, int] = field(default_factory=dict)
    rotation: int = 0
    is_complete: bool = True

    def fail(self, error: Exception) -> None:
        """Count an error. Raises an error of memory again: it comes from a limit."""
        if isinstance(error, MemoryError):
            raise error
        self.errors += 1
        self.reason = describe_error(error)


def verify(media: Media) -> int:
    """Decode the start and the end of a file and return the rotation of its pictures in degrees.

    Raises:
        PermanentError: `unreadable`: nothing can be decoded, or most of a part is damaged, or the file ends early.
    """
    kind: MediaKind = "video" if media.video else "audio"
    if not media.streams:
        raise unreadable("media", "no video and no audio that can be decoded")
    if media.video and media.video.codec_context.width * media.video.codec_context.height > MAX_PIXELS:
        raise too_large(media.video.codec_context.width, media.video.codec_context.height)
    if media.video:  # a third less CPU time; the pictures are not shown
        media.video.codec_context.options |= {"skip_loop_filter": "all"}
    head = _decode(media, media.streams, 0.0, HEAD_SECONDS)
    _check(kind, head, min(media.length or 0.0, HEAD_SECONDS))
    if media.length is not None and media.length > HEAD_SECONDS and head.is_complete:
        tail = _decode_tail(media, max(HEAD_SECONDS, media.length - TAIL_SECONDS))
        if tail is not None and tail.is_complete:
            _check(kind, tail, media.length)
    return head.rotation


def _check(kind: MediaKind, part: Part, end: float) -> None:
    if not part.frames or part.errors > MAX_ERROR_SHARE * part.packets:
        raise unreadable(kind, part.reason)
    # Video may end before the subtitles or the sound.
    if part.is_complete and part.end < end - SLACK_SECONDS and (part.errors or kind == "audio"):
        raise unreadable(kind, part.reason if part.errors else f"it ends before {end:.0f} s")


def _decode_tail(media: Media, position: float) -> Part | None:
    """Decode from the key frame before a position to the end; None if the container cannot be searched.

    Some containers, such as MPEG-TS, find any packet instead of a key frame, so the search goes back step by step.
    """
    for start in steps_back(position):
        if not seek(media, start):
            return None
        part = _decode(media, media.streams, start, float("inf"), skip_to_key=start > 0)
        if not part.is_complete or all(stream.index in part.frames for stream in media.streams):
            return part
    return part if part.frames else None


def steps_back(position: float) -> Iterator[float]:
    """Yield a position and earlier ones, each four times further back, down to 0."""
    distance = 2.0
    yield position
    while distance < position:
        yield position - distance
        distance *= 4
    if position > 0:
        yield 0.0


def seek(media: Media, position: float) -> bool:
    """Go to the key frame before a position in seconds; False if the container cannot be searched."""
    # MPEG-TS searches by decoding time, which is before the time of the first picture.
    for earlier in (0.0,) if position else (1.0, 0.0):
        try:
            media.container.seek(round((media.start + position - earlier) * av.time_base))
        except av.FFmpegError:
            continue
        return True
    return False


def _decode(media: Media, streams: Sequence[Stream], start: float, stop: float, skip_to_key: bool = False) -> Part:
    """Decode streams until each has a frame that ends at or after `stop`, or to the end of the file."""
    part = Part()
    waiting = {stream.index for stream in streams}
    deadline = time.process_time() + SAMPLE_CPU_SECONDS
    for packet, frames in decoded(media, streams, part, skip_to_key):
        for frame in frames:
            part.frames[packet.stream_index] = part.frames.get(packet.stream_index, 0) + 1
            if isinstance(frame, VideoFrame):
                part.rotation = frame.rotation
            end = frame_end(media, frame)
            part.end = max(part.end, end)
            if end >= stop:
                waiting.discard(packet.stream_index)
        if not waiting:
            break
        if time.process_time() > deadline:
            part.is_complete = False
            break
    return part


def decoded(
    media: Media, streams: Sequence[Stream], part: Part, skip_to_key: bool
) -> Iterator[tuple[Packet[Stream], Sequence[AudioFrame | VideoFrame]]]:
    """Yield packets with their frames; count errors in `part`. With `skip_to_key`, video starts at a key frame."""
    searched = {media.video.index} if media.video and skip_to_key else set()
    packets = media.container.demux(*streams)
    while True:
        try:
            packet = next(packets)
        except StopIteration:
            return
        except av.FFmpegError as error:
            part.fail(error)
            return
        if packet.stream_index in searched and not packet.is_keyframe:
            continue
        searched.discard(packet.stream_index)
        part.packets += 1
        try:
            frames = packet.decode()
        except av.EOFError:
            continue
        except av.FFmpegError as error:
            part.fail(error)
            continue
        yield packet, [frame for frame in frames if isinstance(frame, AudioFrame | VideoFrame)]


def frame_end(media: Media, frame: AudioFrame | VideoFrame) -> float:
    """Return the time at which a frame ends, in seconds from the start of the file."""
    if frame.time is None:
        return 0.0
    length = float(frame.duration * frame.time_base) if frame.duration and frame.time_base else 0.0
    return frame.time - media.start + length


def describe_error(error: Exception) -> str:
    """Return the reason of an error of FFmpeg, with its last message if there is one."""
    if isinstance(error, PermanentError):
        return error.why
    if isinstance(error, av.FFmpegError):
        log: Any = error.log  # level, component, message
        message = log[2].strip() if log else ""
        return message or str(error.strerror)
    return f"{type(error).__name__}: {error}"
