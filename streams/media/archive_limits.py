"""Reject ZIP and gzip decompression bombs without extracting them to disk."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from headrace.streams.errors import PermanentError

CHUNK_BYTES = 1 << 16
CENTRAL_DIRECTORY_BYTES = 4 << 20
"""Maximum size of a ZIP's central directory, enough for 20,000 long names."""


@dataclass(frozen=True, slots=True)
class ArchiveLimits:
    """Limits of an archive: entries, unpacked bytes, and the ratio to its own size above `free` unpacked bytes."""

    entries: int = 10_000
    output: int = 4 << 30
    ratio: int = 200
    free: int = 64 << 20

    def allowance(self, size: int) -> int:
        """Return the maximum number of unpacked bytes for an archive of this size."""
        return min(self.output, max(self.free, self.ratio * size))


ARCHIVE_LIMITS = ArchiveLimits()


def check_decompressed_size(path: Path, mime: str, limits: ArchiveLimits) -> None:
    """Check an archive against the limits; other files pass.

    Raises:
        PermanentError: `archive_bomb` for an archive over the limits, `unreadable` for a damaged one.
    """
    if mime not in _UNPACKERS:
        return
    size = path.stat().st_size
    unpacked = 0
    try:
        for more in _UNPACKERS[mime](path, limits):
            unpacked += more
            if unpacked > limits.allowance(size):
                raise PermanentError("archive_bomb", f"{size} bytes unpack to more than {limits.allowance(size)}")
    except (zipfile.BadZipFile, zlib.error, EOFError, ValueError, NotImplementedError, struct.error) as error:
        raise PermanentError("unreadable", f"the archive cannot be checked: {str(error)[:200]}") from error


class _ZipFile(io.FileIO):
    """A file that rejects the seeks and reads that a malicious header makes `zipfile` do."""

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        if whence == io.SEEK_SET and offset < 0:
            raise zipfile.BadZipFile("an entry starts before the archive")
        return super().seek(offset, whence)

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > CENTRAL_DIRECTORY_BYTES:
            raise PermanentError("archive_bomb", f"the central directory of the ZIP has {size} bytes")
        return super().read(size)


def _zip_bytes(path: Path, limits: ArchiveLimits) -> Iterator[int]:
    """Yield the unpacked bytes of the entries; encrypted or unusually compressed ones count as declared."""
    with _ZipFile(path) as file, zipfile.ZipFile(file) as archive:
        _check_entry_count(len(archive.infolist()), limits)
        for entry in archive.infolist():
            # zipfile limits the output of a read only for these two methods.
            if entry.flag_bits & 1 or entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                yield entry.file_size
                continue
            entry.file_size = 1 << 62  # read the actual content, not only the declared size
            with archive.open(entry) as content:
                while chunk := content.read(CHUNK_BYTES):
                    yield len(chunk)


def _gzip_bytes(path: Path, limits: ArchiveLimits) -> Iterator[int]:
    """Yield the unpacked bytes of the members, without the zero padding between them."""
    packed = b""
    members = 0
    with path.open("rb") as file:
        while packed := packed.lstrip(b"\0") or file.read(CHUNK_BYTES):
            members += 1
            _check_entry_count(members, limits)
            member = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
            while not member.eof:
                unpacked = len(member.decompress(packed, CHUNK_BYTES))
                packed = member.unused_data or member.unconsumed_tail or file.read(CHUNK_BYTES)
                if not (member.eof or packed or unpacked):
                    raise EOFError("unexpected end of file")
                yield unpacked


def _check_entry_count(entries: int, limits: ArchiveLimits) -> None:
    if entries > limits.entries:
        raise PermanentError("archive_bomb", f"the archive has more than {limits.entries} entries")


_UNPACKERS: dict[str, Callable[[Path, ArchiveLimits], Iterator[int]]] = {
    "application/zip": _zip_bytes,
    "application/gzip": _gzip_bytes,
}
