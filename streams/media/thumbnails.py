"""Create thumbnails of videos and images, and waveforms of audio."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from headrace.streams.media.ffmpeg import MediaSource, open_source, run
from headrace.streams.media.ffmpeg_output import explain
from headrace.streams.media.file_type import ContentType, picture_demuxer
from headrace.streams.media.info import MediaInfo, unreadable
from headrace.streams.media.inspection.messages import Pictures, Stills, Waveform
from headrace.streams.media.tools import MEDIA_TOOLS, MediaTools

THUMBNAIL_SIDE = 640
VIDEO_THUMBNAILS = 4
WAVEFORM_SIZE = (640, 160)
WAVEFORM_SECONDS = 4 * 3600.0

_JPEG = ("-frames:v", "1", "-pix_fmt", "yuvj420p", "-c:v", "mjpeg")
_TO_PIPE = ("-threads", "1", "-f", "image2pipe", "-")
_ON_WHITE = (
    "format=rgba,split[picture][copy];[copy]drawbox=color=white:replace=1:thickness=fill[white];[white][picture]overlay"
)


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """A picture of a file; `at_seconds` is its position in a video."""

    path: Path
    width: int
    height: int
    at_seconds: float | None
    content_type: str


async def thumbnails(
    path: Path, info: MediaInfo, folder: Path, name: str = "", tools: MediaTools = MEDIA_TOOLS
) -> tuple[Thumbnail, ...]:
    """Write thumbnails of a probed file to a folder, with sides of at most 640 pixels.

    An image has one, a video up to four at equal distances, audio a waveform, other files none. Transparent pictures
    are on white.

    Raises:
        StageError: As `probe`.
    """
    if info.kind == "other":
        return ()
    with open_source(path, name or str(path), tools) as source:
        if info.kind == "image":
            return await _picture(source, info, folder / "0.jpg")
        hint = source.type.demuxer or ""
        if info.kind == "audio":
            return await _inspected(source, Waveform(*WAVEFORM_SIZE, WAVEFORM_SECONDS, hint), folder)
        return await _inspected(source, Stills(_positions(info), *_size(info), hint), folder)


def _positions(info: MediaInfo) -> tuple[float, ...]:
    """Return the middles of equal parts of a video, fewer for a short one."""
    if not info.duration_seconds:
        return (0.0,)
    parts = max(1, min(VIDEO_THUMBNAILS, int(info.duration_seconds)))
    return tuple(round(info.duration_seconds * (part + 0.5) / parts, 3) for part in range(parts))


def _size(info: MediaInfo) -> tuple[int, int]:
    width, height = info.width or THUMBNAIL_SIDE, info.height or THUMBNAIL_SIDE
    scale = min(1.0, THUMBNAIL_SIDE / max(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))


async def _picture(source: MediaSource, info: MediaInfo, path: Path) -> tuple[Thumbnail, ...]:
    """Write the thumbnail of a picture."""
    size = _size(info)
    path.write_bytes(await encode_jpeg(source, info, size, quality=4))
    return (Thumbnail(path, *size, None, "image/jpeg"),)


async def encode_jpeg(source: MediaSource, info: MediaInfo, size: tuple[int, int], quality: int) -> bytes:
    """Return the first picture of an image file as a JPEG of a size, on white. The best quality is 2.

    Raises:
        PermanentError: ffmpeg cannot decode the picture.
    """
    if source.type.demuxer is None:
        source = source._replace(type=ContentType(source.type.mime, "image", picture_demuxer(info.format)))
    width, height = size
    # -s instead of a filter: ffmpeg composes HEIC tiles with a filter graph of its own.
    scaled = ("-s", f"{width}x{height}")
    if source.type.demuxer != "mov" and source.type.mime != "image/jpeg":
        scaled = ("-vf", f"scale={width}:{height},{_ON_WHITE}")
    result = await run(source, (*scaled, *_JPEG, "-q:v", str(quality), *_TO_PIPE))
    if not result.output:
        raise explain("image", result.errors)
    return result.output


async def _inspected(source: MediaSource, operation: Stills | Waveform, folder: Path) -> tuple[Thumbnail, ...]:
    """Write the pictures that the inspector makes of video or audio."""
    answer = await source.tools.inspector.inspect(source.file, operation, source.key)
    if not isinstance(answer, Pictures):
        raise unreadable(source.type.kind, "the decoder gave another answer")
    is_video = isinstance(operation, Stills)
    suffix, content_type = ("jpg", "image/jpeg") if is_video else ("png", "image/png")
    written = []
    for number, still in enumerate(answer.stills):
        path = folder / f"{number}.{suffix}"
        path.write_bytes(still.content)
        written.append(Thumbnail(path, still.width, still.height, still.at if is_video else None, content_type))
    return tuple(written)
