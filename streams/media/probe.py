"""Describe media files, and check that they can be decoded."""

from __future__ import annotations

import asyncio
import dataclasses
import os
import re
from pathlib import Path

from headrace.streams.errors import PermanentError
from headrace.streams.media.ffmpeg import MediaSource, open_source, run
from headrace.streams.media.ffmpeg_output import LOST, explain
from headrace.streams.media.file_boxes import is_truncated
from headrace.streams.media.file_extension import expected_kinds
from headrace.streams.media.file_type import ContentType, FileKind
from headrace.streams.media.info import MAX_PIXELS, MediaInfo, too_large, unreadable
from headrace.streams.media.inspection.messages import Describe, Description
from headrace.streams.media.tools import MEDIA_TOOLS, MediaTools

_MEDIA: frozenset[FileKind] = frozenset(("image", "video", "audio"))


async def probe(path: Path, name: str = "", tools: MediaTools = MEDIA_TOOLS) -> MediaInfo:
    """Describe a file, and decode its start and its end.

    A decoder reads every file of an unknown type too, so any format that the decoders read is media. Other files have
    kind `other`, unless the `name` says that they are media. `name` identifies the asset, too: one process at a time
    reads its files while others wait.

    Raises:
        PermanentError: `empty`, `unreadable`, `unsupported_input` or `too_large`.
        TransientError: The decoder was stopped by a signal from outside.
        ThrottledError: All slots for media are in use.
        OutageError: A decoder cannot be started.
    """
    with open_source(path, name or str(path), tools) as source:
        match source.type.kind:
            case "image":
                return await _describe_picture(source)
            case "video" | "audio":
                return await _describe(source)
            case "unknown":
                return await _describe_unknown(source, name)
            case _:
                return MediaInfo("other", source.type.mime)


async def _describe(source: MediaSource) -> MediaInfo:
    if await asyncio.to_thread(_is_truncated, os.dup(source.file.fileno())):
        raise unreadable(source.type.kind, "the file is truncated")
    return await _inspect(source, Describe(source.type.demuxer or ""))


def _is_truncated(file: int) -> bool:
    """Look for the end in the structure of an open file, which may have many parts, and close the file."""
    try:
        return is_truncated(file)
    finally:
        os.close(file)


async def _describe_unknown(source: MediaSource, name: str) -> MediaInfo:
    """Describe a file that a decoder reads to its end; any other file has kind `other` if its name allows it."""
    try:
        info = await _inspect(source, Describe(pictures=True))
        if info.kind == "image":
            described = ContentType(source.type.mime, "image", info.format)
            picture = await _describe_picture(source._replace(type=described))
            info = dataclasses.replace(picture, video_codec=info.video_codec)
    except PermanentError:
        if expected_kinds(name) <= _MEDIA:
            raise
        return MediaInfo("other", source.type.mime)
    return info


async def _inspect(source: MediaSource, operation: Describe) -> MediaInfo:
    answer = await source.tools.inspector.inspect(source.file, operation, source.key)
    if not isinstance(answer, Description):
        raise unreadable(source.type.kind, "the decoder gave another answer")
    return answer.info


async def _describe_picture(source: MediaSource) -> MediaInfo:
    """Decode one picture and return its decoded size, because EXIF may rotate it."""
    # The JPEG decoder conceals missing data by default. The TIFF decoder would fail on unknown tags in strict mode.
    strict = ("-err_detect", "explode") if source.type.mime == "image/jpeg" else ()
    result = await run(source, ("-frames:v", "1", "-f", "framecrc", "-"), strict)
    size = re.search(rb"^#dimensions 0: (\d{1,6})x(\d{1,6})$", result.output, re.MULTILINE)
    if result.code or not size or not _FRAME.search(result.output) or LOST.search(result.errors):
        raise explain("image", result.errors)
    width, height = int(size[1]), int(size[2])
    if width * height > MAX_PIXELS:
        raise too_large(width, height)
    format_ = source.type.demuxer or ""
    codec = _CODECS.get(source.type.mime)
    return MediaInfo("image", _FORMATS.get(format_, format_.removesuffix("_pipe")), None, width, height, None, codec)


_FRAME = re.compile(rb"^0,", re.MULTILINE)
"""A line of framecrc for a decoded frame. ffmpeg also writes the dimensions of a picture without one."""
_FORMATS = {"mov": "mov,mp4,m4a,3gp,3g2,mj2"}
_CODECS = {
    "image/jpeg": "mjpeg",
    "image/png": "png",
    "image/gif": "gif",
    "image/bmp": "bmp",
    "image/tiff": "tiff",
    "image/webp": "webp",
    "image/jxl": "jpegxl",
    "image/jp2": "jpeg2000",
    "image/avif": "av1",
    "image/heic": "hevc",
    "image/heif": "hevc",
}
"""The codec of each type of picture, as FFmpeg names it."""
