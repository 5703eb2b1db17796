"""What a media file is, whether it can be read, and pictures of it."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, replace
from pathlib import Path

from headrace.streams.media.ffmpeg import FFMPEG, PICTURE_PIXELS, Ffmpeg, Source, opened, run
from headrace.streams.media.ffmpeg_output import LOST, Probe, parse, too_large, unreadable

__all__ = ["Ffmpeg", "Probe", "Thumbnail", "parse", "probe", "thumbnails"]

THUMBNAIL_SIDE = 640
VIDEO_THUMBNAILS = 4
WAVEFORM_SIZE = (640, 160)
WAVEFORM_SECONDS = 4 * 3600
HEAD_SECONDS = 4.0
TAIL_SECONDS = 3.0
BOXES = 200_000

_TO_PIPE = ("-threads", "1", "-f", "image2pipe", "-")


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """A picture of a file; `at_seconds` is the moment of a video that it shows."""

    path: Path
    width: int
    height: int
    at_seconds: float | None
    content_type: str


async def probe(path: Path, ffmpeg: Ffmpeg = FFMPEG) -> Probe:
    """Describe a file, and decode its start and its end to be sure that it can be read.

    A file whose content is no media is of kind `other`, and ffmpeg never sees it. Raises `Unprocessable` (`empty`,
    `unreadable`, `too_large`), `Transient` for a run that was stopped or took too long, `Outage` without ffmpeg.
    """
    with opened(path, ffmpeg) as source:
        if source.type.demuxer is None:
            return Probe("other", source.type.mime)
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


async def thumbnails(path: Path, found: Probe, folder: Path, ffmpeg: Ffmpeg = FFMPEG) -> tuple[Thumbnail, ...]:
    """Put pictures of a probed file into a folder, with no side over 640 pixels.

    An image gives one, a video up to four spread over its time, sound its waveform, anything else none.
    Raises as `probe` does.
    """
    if found.kind == "other":
        return ()
    with opened(path, ffmpeg) as source:
        if found.kind == "audio":
            return (await _waveform(source, folder / "0.png"),)
        made = [await _still(source, found, folder / f"{n}.jpg", at) for n, at in enumerate(_moments(found))]
        # The only frame of a slide show can be over before the first moment that was looked at.
        if not any(made):
            made = [await _still(source, found, folder / "0.jpg")]
        return tuple(picture for picture in made if picture)


def _is_cut_off(source: Source) -> bool:
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


async def _decoded_still(source: Source, found: Probe) -> Probe:
    """Decode one picture; its size is that of what comes out, since EXIF can turn it."""
    # The JPEG decoder fills in for what is missing, unless told not to; the TIFF one stops at unknown tags then.
    strict = ("-err_detect", "explode") if source.type.mime == "image/jpeg" else ()
    made = await run(source, ("-frames:v", "1", "-f", "framecrc", "-"), strict)
    size = re.search(rb"^#dimensions 0: (\d+)x(\d+)$", made.output, re.MULTILINE)
    if made.code or not size or LOST.search(made.errors):
        raise unreadable("image", made.errors)
    return replace(found, width=int(size[1]), height=int(size[2]))


async def _decode(source: Source, found: Probe, start: float, end: float) -> None:
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


def _moments(found: Probe) -> list[float | None]:
    """Give the middles of equal parts of a video's time, fewer for a short one; None is a file's first picture."""
    if found.kind == "image" or not found.duration_seconds:
        return [None]
    parts = max(1, min(VIDEO_THUMBNAILS, int(found.duration_seconds)))
    return [round(found.duration_seconds * (part + 0.5) / parts, 3) for part in range(parts)]


async def _still(source: Source, found: Probe, path: Path, at: float | None = None) -> Thumbnail | None:
    """Write the picture of a moment; None where the video shows nothing then."""
    width, height = found.width or THUMBNAIL_SIDE, found.height or THUMBNAIL_SIDE
    scale = min(1.0, THUMBNAIL_SIDE / max(width, height))
    width, height = max(1, round(width * scale)), max(1, round(height * scale))
    # -s and not a filter: HEIC pictures are put together from tiles, which takes the place of filters.
    drawn = ("-frames:v", "1", "-s", f"{width}x{height}", "-pix_fmt", "yuvj420p", "-c:v", "mjpeg", "-q:v", "4")
    stream = ("-map", "0:V:0") if found.kind == "video" else ()
    made = await run(source, (*stream, *drawn, *_TO_PIPE), () if at is None else ("-ss", f"{at:.3f}"))
    if not made.output:
        return None
    path.write_bytes(made.output)
    moment = (at or 0.0) if found.kind == "video" else None
    return Thumbnail(path, width, height, moment, "image/jpeg")


async def _waveform(source: Source, path: Path) -> Thumbnail:
    """Draw loudness over time; resampled first, because the filter keeps all samples in memory."""
    width, height = WAVEFORM_SIZE
    drawn = f"[0:a:0]aformat=channel_layouts=mono,aresample=8000,showwavespic=s={width}x{height}:colors=#2f6f9f"
    picture = ("-filter_complex", drawn, "-frames:v", "1", "-c:v", "png", *_TO_PIPE)
    made = await run(source, picture, ("-t", str(WAVEFORM_SECONDS)))
    if made.code or not made.output:
        raise unreadable("audio", made.errors)
    path.write_bytes(made.output)
    return Thumbnail(path, width, height, None, "image/png")
