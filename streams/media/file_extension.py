"""The kinds of content that the extension of a name allows."""

from __future__ import annotations

from typing import get_args

from headrace.streams.media.file_type import FileKind

_IMAGE: tuple[FileKind, ...] = ("image",)
_DOCUMENT: tuple[FileKind, ...] = ("document",)
_VIDEO_OR_AUDIO: tuple[FileKind, ...] = ("video", "audio")
_NOT_EXECUTABLE: tuple[FileKind, ...] = ("image", "video", "audio", "document", "archive", "text", "unknown")
_KINDS_BY_EXTENSION: dict[str, tuple[FileKind, ...]] = {
    extension: kinds
    for kinds, extensions in (
        (_IMAGE, "jpg jpeg jpe png gif webp bmp tif tiff heic heif avif jxl jp2"),
        (_VIDEO_OR_AUDIO, "mp4 m4v mov qt mkv webm avi wmv asf flv mpg mpeg m2ts 3gp 3g2 ogv mxf"),
        (_VIDEO_OR_AUDIO, "mp3 m4a m4b aac flac wav wave ogg oga opus aif aiff wma amr caf"),
        (_DOCUMENT, "pdf"),
        (_NOT_EXECUTABLE, "txt md csv json xml html svg srt vtt doc docx xls xlsx ppt pptx odt rtf epub"),
        (_NOT_EXECUTABLE, "zip gz tgz tar 7z rar xz bz2 zst"),
    )
    for extension in extensions.split()
}


def extension_of(name: str) -> str:
    """Return the extension of a name in lower case, without the dot; empty if it has none."""
    _, dot, ending = name.rpartition(".")
    return ending.strip().lower() if dot else ""


def expected_kinds(name: str) -> frozenset[FileKind]:
    """Return the kinds that the extension allows; all kinds for an unknown extension."""
    return frozenset(_KINDS_BY_EXTENSION.get(extension_of(name), get_args(FileKind)))
