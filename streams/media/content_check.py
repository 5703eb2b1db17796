"""Built-in check of a file's content: type, EICAR test file and archive size. It is not a virus scanner."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from headrace.streams.errors import PermanentError
from headrace.streams.media.archive_limits import ARCHIVE_LIMITS, ArchiveLimits, check_decompressed_size
from headrace.streams.media.file_extension import expected_kinds, extension_of
from headrace.streams.media.file_type import HEAD_BYTES, UNKNOWN, ContentType, detect

ENGINE = "built-in content check (no virus scanner)"


@dataclass(frozen=True, slots=True)
class ScanVerdict:
    """The result of a successful scan: the engine, the content type and the digest."""

    engine: str
    content_type: str
    sha256: str


def check(path: Path, name: str, limits: ArchiveLimits = ARCHIVE_LIMITS) -> ScanVerdict:
    """Check a file's content against its name and the archive limits. Blocking; run it in a thread.

    Nested archives are not opened.

    Raises:
        PermanentError: `infected` for the EICAR test file, `type_mismatch` if the extension belongs to another kind of
            content, `archive_bomb` for a ZIP or gzip over the limits, `unreadable` for a damaged archive.
    """
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
        file.seek(0)
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    if _is_eicar(head):
        raise PermanentError("infected", "EICAR test file")
    content_type = detect(head) or UNKNOWN
    if head:
        _refuse_mismatch(content_type, name)
    check_decompressed_size(path, content_type.mime, limits)
    return ScanVerdict(ENGINE, content_type.mime, sha256)


def eicar() -> bytes:
    """Build the 68 bytes of the EICAR test file. Source: eicar.org, "Anti Malware Testfile".

    They are joined at run time, so that virus scanners do not report this source file.
    """
    return b"".join((b"X5O!P%@AP[4\\PZX54(P^)7CC)7}$EIC", b"AR-STANDARD-ANTIVIRUS-", b"TEST-FILE!$H+H*"))


def _is_eicar(head: bytes) -> bool:
    """Return whether the file is the EICAR test file: 68 bytes, then white space up to 128 bytes."""
    return len(head) <= 128 and head.rstrip(b" \t\n\r\x1a") == eicar()


def _refuse_mismatch(content_type: ContentType, name: str) -> None:
    """Reject content of a known type that the extension excludes. An unknown type is no mismatch: a decoder decides."""
    if content_type.kind != "unknown" and content_type.kind not in expected_kinds(name):
        extension = extension_of(name)
        raise PermanentError("type_mismatch", f"the extension is .{extension}, but the content is {content_type.mime}")
