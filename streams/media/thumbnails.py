"""Thumbnails of videos and images, waveforms of audio."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from headrace.streams.media.ffmpeg import FFMPEG, FfmpegLimits, MediaSource, open_source, run
from headrace.streams.media.ffmpeg_output import MediaInfo, unreadable

THUMBNAIL_SIDE = 640


VIDEO_THUMBNAILS = 4


WAVEFORM_SIZE = (640, 160)


WAVEFORM_SECONDS = 4 * 3600


_TO_PIPE = ("-threads", "1", "-f", "image2pipe", "-")


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """A picture of a file; `at_seconds` is the moment of a video that it shows."""

    path: Path
    width: int
    height: int
    at_seconds: float | None
    content_type: str


async def thumbnails(
    path: Path, found: MediaInfo, folder: Path, ffmpeg: FfmpegLimits = FFMPEG
) -> tuple[Thumbnail, ...]:
    """Put pictures of a probed file into a folder, with no side over 640 pixels.

    An image gives one, a video up to four spread over its time, sound its waveform, anything else none.
    Raises as `probe` does.
    """
    if found.kind == "other":
        return ()
    with open_source(path, ffmpeg) as source:
        if found.kind == "audio":
            return (await _waveform(source, folder / "0.png"),)
        made = [await _still(source, found, folder / f"{n}.jpg", at) for n, at in enumerate(_moments(found))]
        # The only frame of a slide show can be over before the first moment that was looked at.
        if not any(made):
            made = [await _still(source, found, folder / "0.jpg")]
        return tuple(picture for picture in made if picture)


def _moments(found: MediaInfo) -> list[float | None]:
    """Give the middles of equal parts of a video's time, fewer for a short one; None is a file's first picture."""
    if found.kind == "image" or not found.duration_seconds:
        return [None]
    parts = max(1, min(VIDEO_THUMBNAILS, int(found.duration_seconds)))
    return [round(found.duration_seconds * (part + 0.5) / parts, 3) for part in range(parts)]


async def _still(source: MediaSource, found: MediaInfo, path: Path, at: float | None = None) -> Thumbnail | None:
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


async def _waveform(source: MediaSource, path: Path) -> Thumbnail:
    """Draw loudness over time; resampled first, because the filter keeps all samples in memory."""
    width, height = WAVEFORM_SIZE
    drawn = f"[0:a:0]aformat=channel_layouts=mono,aresample=8000,showwavespic=s={width}x{height}:colors=#2f6f9f"
    picture = ("-filter_complex", drawn, "-frames:v", "1", "-c:v", "png", *_TO_PIPE)
    made = await run(source, picture, ("-t", str(WAVEFORM_SECONDS)))
    if made.code or not made.output:
        raise unreadable("audio", made.errors)
    path.write_bytes(made.output)
    return Thumbnail(path, width, height, None, "image/png")
