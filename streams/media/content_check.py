"""A check of a file's content by itself. It is no virus scanner, and says so."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from headrace.streams.errors import PermanentError
from headrace.streams.media.archive_limits import ARCHIVE_LIMITS, ArchiveLimits, check_decompressed_size
from headrace.streams.media.file_type import HEAD_BYTES, UNKNOWN, ContentType, FileKind, detect

ENGINE = "built-in content check (no virus scanner)"


@dataclass(frozen=True, slots=True)
class ScanVerdict:
    """What harmless content is, and who says so."""

    engine: str
    content_type: str
    sha256: str


_IMAGE: tuple[FileKind, ...] = ("image",)
_DOCUMENT: tuple[FileKind, ...] = ("document",)
_MOTION_OR_SOUND: tuple[FileKind, ...] = ("video", "audio")
_NO_PROGRAM: tuple[FileKind, ...] = ("image", "video", "audio", "document", "archive", "text", "unknown")
_PROMISES = {
    extension: kinds
    for kinds, extensions in (
        (_IMAGE, "jpg jpeg jpe png gif webp bmp tif tiff heic heif avif jxl jp2"),
        (_MOTION_OR_SOUND, "mp4 m4v mov qt mkv webm avi wmv asf flv mpg mpeg m2ts 3gp 3g2 ogv mxf"),
        (_MOTION_OR_SOUND, "mp3 m4a m4b aac flac wav wave ogg oga opus aif aiff wma amr caf"),
        (_DOCUMENT, "pdf"),
        (_NO_PROGRAM, "txt md csv json xml html svg srt vtt doc docx xls xlsx ppt pptx odt rtf epub"),
        (_NO_PROGRAM, "zip gz tgz tar 7z rar xz bz2 zst"),
    )
    for extension in extensions.split()
}


def check(path: Path, name: str, limits: ArchiveLimits = ARCHIVE_LIMITS) -> ScanVerdict:
    """Describe harmless content that fits its name. Reads the file; run it in a thread.

    Raises `Unprocessable`: `infected` for the EICAR test file, `type_mismatch` where the name promises another kind
    of content, `archive_bomb` for a ZIP or gzip that unpacks to too much, `unreadable` for a damaged one. Archives
    inside of archives are not opened.
    """
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
        file.seek(0)
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    if _is_eicar(head):
        raise PermanentError("infected", "EICAR test file")
    found = detect(head) or UNKNOWN
    if head:
        _refuse_mismatch(found, name)
    check_decompressed_size(path, found.mime, limits)
    return ScanVerdict(ENGINE, found.mime, sha256)


def eicar() -> bytes:
    """Build the 68 bytes that every virus scanner reports. Source: eicar.org, "Anti Malware Testfile".

    They are put together at run time, so that no scanner stops a copy of this source.
    """
    return b"".join((b"X5O!P%@AP[4\\PZX54(P^)7CC)7}$EIC", b"AR-STANDARD-ANTIVIRUS-", b"TEST-FILE!$H+H*"))


def _is_eicar(head: bytes) -> bool:
    """Say whether it is the test file: at most 128 bytes, and only white space behind the 68."""
    return len(head) <= 128 and head.rstrip(b" \t\n\r\x1a") == eicar()


def _refuse_mismatch(found: ContentType, name: str) -> None:
    _, dot, ending = name.rpartition(".")
    extension = ending.strip().lower() if dot else ""
    if found.kind not in _PROMISES.get(extension, (found.kind,)):
        raise PermanentError("type_mismatch", f"the name ends in .{extension}, but the content is {found.mime}")
