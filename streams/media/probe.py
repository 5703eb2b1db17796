"""What a media file is, whether it can be read, and pictures of it."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from pathlib import Path

from headrace.streams.media.ffmpeg import FFMPEG, PICTURE_PIXELS, FfmpegLimits, MediaSource, open_source, run
from headrace.streams.media.ffmpeg_output import LOST, MediaInfo, parse, too_large, unreadable

HEAD_SECONDS = 4.0
TAIL_SECONDS = 3.0
BOXES = 200_000


async def probe(path: Path, ffmpeg: FfmpegLimits = FFMPEG) -> MediaInfo:
    """Describe a file, and decode its start and its end to be sure that it can be read.

    A file whose content is no media is of kind `other`, and ffmpeg never sees it. Raises `Unprocessable` (`empty`,
    `unreadable`, `too_large`), `Transient` for a run that was stopped or took too long, `Outage` without ffmpeg.
    """
    with open_source(path, ffmpeg) as source:
        if source.type.demuxer is None:
            return MediaInfo("other", source.type.mime)
        described = (await run(source)).errors
        found = parse(described, source.type.kind)
        if found.width and found.height and found.width * found.height > PICTURE_PIXELS:
            raise too_large(found.width, found.height)
        if _is_cut_off(source):
            raise unreadable(found.kind, "the file is cut off")
        if found.kind == "image":
            return await _decoded_still(source, found)
        # A duration that is a guess from the bit rate says nothing about where the file has to end.
        length = 0.0 if "Estimating duration" in described else found.duration_seconds or 0.0
        await _decode(source, found, 0.0, min(length, HEAD_SECONDS))
        if length > HEAD_SECONDS:
            await _decode(source, found, max(HEAD_SECONDS, length - TAIL_SECONDS), length)
        return found


def _is_cut_off(source: MediaSource) -> bool:
    """Say whether a part of an MP4, QuickTime or RIFF file is declared to end behind the end of the file.

    Source: ISO/IEC 14496-12, 4.2 (boxes). A RIFF size of 2 GB is what a recorder writes that cannot go back.
    """
    file = source.file.fileno()
    end = os.fstat(file).st_size
    head = os.pread(file, 8, 0)
    if head.startswith(b"RIFF"):
        return end < int.from_bytes(head[4:], "little") < 0x7FFF_0000
    at = 0
    for _ in range(BOXES if source.type.demuxer == "mov" else 0):
        box = os.pread(file, 16, at)
        size = int.from_bytes(box[:4])
        size = int.from_bytes(box[8:]) if size == 1 else size
        if box[4:8] in (b"moov", b"moof", b"mdat") and at + size > end:
            return True
        if size < 8 or at + size >= end:
            return False
        at += size
    return False


async def _decoded_still(source: MediaSource, found: MediaInfo) -> MediaInfo:
    """Decode one picture; its size is that of what comes out, since EXIF can turn it."""
    # The JPEG decoder fills in for what is missing, unless told not to; the TIFF one stops at unknown tags then.
    strict = ("-err_detect", "explode") if source.type.mime == "image/jpeg" else ()
    made = await run(source, ("-frames:v", "1", "-f", "framecrc", "-"), strict)
    size = re.search(rb"^#dimensions 0: (\d+)x(\d+)$", made.output, re.MULTILINE)
    if made.code or not size or LOST.search(made.errors):
        raise unreadable("image", made.errors)
    return replace(found, width=int(size[1]), height=int(size[2]))


async def _decode(source: MediaSource, found: MediaInfo, start: float, end: float) -> None:
    """Decode some seconds of video or sound that should go on until `end`, and forgive what a player would.

    It is broken when ffmpeg gives up (by default, when two of three packets are bad), when nothing comes out, when
    the container ends too early, or when it stops short of `end`: with errors, or in mere sound, since pictures may
    be over before the subtitles are. Decoding begins at the key frame before `start`, so that a video with few
    frames is not taken for one that ends there.
    """
    streams = (*(("-map", "0:V:0") if found.video_codec else ()), *(("-map", "0:a:0") if found.audio_codec else ()))
    seek = ("-ss", f"{start:.3f}", "-noaccurate_seek") if start else ()
    made = await run(
        source,
        (*streams, "-progress", "pipe:1", "-nostats", "-f", "null", "-"),
        (*seek, "-t", str(TAIL_SECONDS if start else HEAD_SECONDS)),
    )
    times = re.findall(rb"^out_time_us=(-?\d+)$", made.output, re.MULTILINE)
    short = not times or start + int(times[-1]) / 1e6 < end - 1
    fatal = made.code or not times or LOST.search(made.errors)
    if fatal or (short and (made.errors or found.kind == "audio")):
        raise unreadable(found.kind, made.errors or f"it ends before second {end:.0f}")
