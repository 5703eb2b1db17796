"""Describe media files, and check that they can be decoded."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from pathlib import Path

from headrace.streams.media.ffmpeg import FFMPEG, MAX_PIXELS, FfmpegLimits, MediaSource, open_source, run
from headrace.streams.media.ffmpeg_output import LOST, MediaInfo, parse, too_large, unreadable

HEAD_SECONDS = 4.0
TAIL_SECONDS = 3.0
MAX_BOXES = 200_000


async def probe(path: Path, ffmpeg: FfmpegLimits = FFMPEG) -> MediaInfo:
    """Describe a file, and decode its start and its end.

    A file that is not media has kind `other` and is not passed to ffmpeg.

    Raises:
        PermanentError: `empty`, `unreadable` or `too_large`.
        TransientError: ffmpeg was stopped or took too long.
        OutageError: ffmpeg cannot be started.
    """
    with open_source(path, ffmpeg) as source:
        if source.type.demuxer is None:
            return MediaInfo("other", source.type.mime)
        described = (await run(source)).errors
        info = parse(described, source.type.kind)
        if info.width and info.height and info.width * info.height > MAX_PIXELS:
            raise too_large(info.width, info.height)
        if _is_truncated(source):
            raise unreadable(info.kind, "the file is truncated")
        if info.kind == "image":
            return await _decode_picture(source, info)
        # A duration estimated from the bit rate does not determine where the file must end.
        length = 0.0 if "Estimating duration" in described else info.duration_seconds or 0.0
        await _decode(source, info, 0.0, min(length, HEAD_SECONDS))
        if length > HEAD_SECONDS:
            await _decode(source, info, max(HEAD_SECONDS, length - TAIL_SECONDS), length)
        return info


def _is_truncated(source: MediaSource) -> bool:
    """Return whether a box of an MP4, QuickTime or RIFF file ends after the end of the file.

    Source: ISO/IEC 14496-12, 4.2 (boxes). Recorders that cannot seek write a RIFF size of 2 GB.
    """
    file = source.file.fileno()
    end = os.fstat(file).st_size
    head = os.pread(file, 8, 0)
    if head.startswith(b"RIFF"):
        return end < int.from_bytes(head[4:], "little") < 0x7FFF_0000
    at = 0
    for _ in range(MAX_BOXES if source.type.demuxer == "mov" else 0):
        box = os.pread(file, 16, at)
        size = int.from_bytes(box[:4])
        size = int.from_bytes(box[8:]) if size == 1 else size
        if box[4:8] in (b"moov", b"moof", b"mdat") and at + size > end:
            return True
        if size < 8 or at + size >= end:
            return False
        at += size
    return False


async def _decode_picture(source: MediaSource, info: MediaInfo) -> MediaInfo:
    """Decode one picture and return its decoded size, because EXIF may rotate it."""
    # The JPEG decoder conceals missing data by default. The TIFF decoder would fail on unknown tags in strict mode.
    strict = ("-err_detect", "explode") if source.type.mime == "image/jpeg" else ()
    result = await run(source, ("-frames:v", "1", "-f", "framecrc", "-"), strict)
    size = re.search(rb"^#dimensions 0: (\d+)x(\d+)$", result.output, re.MULTILINE)
    if result.code or not size or LOST.search(result.errors):
        raise unreadable("image", result.errors)
    return replace(info, width=int(size[1]), height=int(size[2]))


async def _decode(source: MediaSource, info: MediaInfo, start: float, end: float) -> None:
    """Decode a few seconds of a video or audio file that should last until `end`; tolerate what players tolerate.

    The file is unreadable if ffmpeg fails (by default, when two of three packets are corrupt), if there is no output,
    if the container ends early, or if decoding ends before `end`, with errors or in an audio file (video may end
    before the subtitles). Decoding starts at the key frame before `start`, so that a low frame rate does not look like
    an early end.
    """
    streams = (*(("-map", "0:V:0") if info.video_codec else ()), *(("-map", "0:a:0") if info.audio_codec else ()))
    seek = ("-ss", f"{start:.3f}", "-noaccurate_seek") if start else ()
    result = await run(
        source,
        (*streams, "-progress", "pipe:1", "-nostats", "-f", "null", "-"),
        (*seek, "-t", str(TAIL_SECONDS if start else HEAD_SECONDS)),
    )
    times = re.findall(rb"^out_time_us=(-?\d+)$", result.output, re.MULTILINE)
    short = not times or start + int(times[-1]) / 1e6 < end - 1
    fatal = result.code or not times or LOST.search(result.errors)
    if fatal or (short and (result.errors or info.kind == "audio")):
        raise unreadable(info.kind, result.errors or f"it ends before {end:.0f} s")
