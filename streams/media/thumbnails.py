"""Create thumbnails of videos and images, and waveforms of audio."""

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
    """A picture of a file; `at_seconds` is its position in a video."""

    path: Path
    width: int
    height: int
    at_seconds: float | None
    content_type: str


async def thumbnails(path: Path, info: MediaInfo, folder: Path, ffmpeg: FfmpegLimits = FFMPEG) -> tuple[Thumbnail, ...]:
    """Write thumbnails of a probed file to a folder, with sides of at most 640 pixels.

    An image has one, a video up to four at equal distances, audio a waveform, other files none.

    Raises:
        StageError: As `probe`.
    """
    if info.kind == "other":
        return ()
    with open_source(path, ffmpeg) as source:
        if info.kind == "audio":
            return (await _waveform(source, folder / "0.png"),)
        pictures = [await _still(source, info, folder / f"{n}.jpg", at) for n, at in enumerate(_positions(info))]
        # The only frame of a slide show may end before the first position.
        if not any(pictures):
            pictures = [await _still(source, info, folder / "0.jpg")]
        return tuple(picture for picture in pictures if picture)


def _positions(info: MediaInfo) -> list[float | None]:
    """Return the middles of equal parts of a video, fewer for a short one; None stands for the first picture."""
    if info.kind == "image" or not info.duration_seconds:
        return [None]
    parts = max(1, min(VIDEO_THUMBNAILS, int(info.duration_seconds)))
    return [round(info.duration_seconds * (part + 0.5) / parts, 3) for part in range(parts)]


async def _still(source: MediaSource, info: MediaInfo, path: Path, at: float | None = None) -> Thumbnail | None:
    """Write the picture at a position; None if the video has none there."""
    width, height = info.width or THUMBNAIL_SIDE, info.height or THUMBNAIL_SIDE
    scale = min(1.0, THUMBNAIL_SIDE / max(width, height))
    width, height = max(1, round(width * scale)), max(1, round(height * scale))
    # -s instead of a filter: ffmpeg composes HEIC tiles with a filter graph of its own.
    arguments = ("-frames:v", "1", "-s", f"{width}x{height}", "-pix_fmt", "yuvj420p", "-c:v", "mjpeg", "-q:v", "4")
    stream = ("-map", "0:V:0") if info.kind == "video" else ()
    result = await run(source, (*stream, *arguments, *_TO_PIPE), () if at is None else ("-ss", f"{at:.3f}"))
    if not result.output:
        return None
    path.write_bytes(result.output)
    position = (at or 0.0) if info.kind == "video" else None
    return Thumbnail(path, width, height, position, "image/jpeg")


async def _waveform(source: MediaSource, path: Path) -> Thumbnail:
    """Write the waveform; resampled first, because the filter keeps all samples in memory."""
    width, height = WAVEFORM_SIZE
    arguments = f"[0:a:0]aformat=channel_layouts=mono,aresample=8000,showwavespic=s={width}x{height}:colors=#2f6f9f"
    picture = ("-filter_complex", arguments, "-frames:v", "1", "-c:v", "png", *_TO_PIPE)
    result = await run(source, picture, ("-t", str(WAVEFORM_SECONDS)))
    if result.code or not result.output:
        raise unreadable("audio", result.errors)
    path.write_bytes(result.output)
    return Thumbnail(path, width, height, None, "image/png")
