"""The kinds of files that a pipeline receives, and an example record of each."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Literal, get_args

from headrace.schemas.records import Asset, MediaReady

ObjectKind = Literal["image", "video", "audio", "other"]
KINDS: tuple[ObjectKind, ...] = get_args(ObjectKind)

CONTENT_TYPES: Mapping[ObjectKind, str] = {
    "image": "image/jpeg",
    "video": "video/mp4",
    "audio": "audio/mpeg",
    "other": "application/octet-stream",
}
DOCUMENT = "application/pdf"
"""The content type of a document. It is of the kind `other`."""

_ENDINGS: dict[ObjectKind, str] = {
    "image": "jpg jpeg png gif webp bmp tif tiff heic heif avif",
    "video": "mp4 m4v mov mkv webm avi wmv flv mpg mpeg m2ts 3gp ogv mxf",
    "audio": "mp3 m4a aac flac wav ogg oga opus aif aiff wma amr",
}
_KIND_OF = {f".{ending}": kind for kind, endings in _ENDINGS.items() for ending in endings.split()}
_FORMATS: Mapping[ObjectKind, str] = {"image": "jpeg", "video": "mov", "audio": "mp3", "other": "other"}


def kind_of(key: str) -> ObjectKind:
    """Guess the kind of a file by its extension."""
    return _KIND_OF.get(PurePosixPath(key).suffix.lower(), "other")


def ready_media(kind: ObjectKind, seconds: float | None = None, size: int = 0, content_type: str = "") -> MediaReady:
    """Return the record of a file that every service accepts. A video has sound, and a length as a sound has."""
    has_sound = kind in ("video", "audio")
    return MediaReady(
        asset=Asset(bucket="", key="", version="", etag="", size=size, sequencer=""),
        content_type=content_type or CONTENT_TYPES[kind],
        sha256="",
        kind=kind,
        format=_FORMATS[kind],
        duration_seconds=seconds if has_sound else None,
        video_codec="h264" if kind == "video" else None,
        audio_codec={"video": "aac", "audio": "mp3"}.get(kind),
    )
