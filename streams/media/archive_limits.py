"""Looks whether a ZIP or gzip unpacks to more than anyone would want, without unpacking it anywhere."""

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
"""The largest table of contents of a ZIP that is read into memory, enough for 20,000 long names."""


@dataclass(frozen=True, slots=True)
class ArchiveLimits:
    """What an archive may hold: entries, unpacked bytes, and times its own size where that is over `free` bytes."""

    entries: int = 10_000
    output: int = 4 << 30
    ratio: int = 200
    free: int = 64 << 20

    def allowance(self, size: int) -> int:
        """Bytes that an archive of this size may unpack to."""
        return min(self.output, max(self.free, self.ratio * size))


ARCHIVE_LIMITS = ArchiveLimits()


def check_decompressed_size(path: Path, mime: str, limits: ArchiveLimits) -> None:
    """Raise `Unprocessable` for an archive over the limits, or one too damaged to be counted; pass anything else."""
    if mime not in _UNPACKED:
        return
    size = path.stat().st_size
    unpacked = 0
    try:
        for more in _UNPACKED[mime](path, limits):
            unpacked += more
            if unpacked > limits.allowance(size):
                raise PermanentError("archive_bomb", f"{size} bytes unpack to more than {limits.allowance(size)}")
    except (zipfile.BadZipFile, zlib.error, EOFError, ValueError, NotImplementedError, struct.error) as error:
        raise PermanentError("unreadable", f"an archive that cannot be checked: {str(error)[:200]}") from error


class _ZipFile(io.FileIO):
    """A file that refuses what `zipfile` does with it at the word of a hostile header."""

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        if whence == io.SEEK_SET and offset < 0:
            raise zipfile.BadZipFile("an entry begins before the archive")
        return super().seek(offset, whence)

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > CENTRAL_DIRECTORY_BYTES:
            raise PermanentError("archive_bomb", f"a ZIP whose table of contents alone has {size} bytes")
        return super().read(size)


def _zip_bytes(path: Path, limits: ArchiveLimits) -> Iterator[int]:
    """Count what the entries unpack to; what is encrypted or packed in a rare way counts as it declares itself."""
    with _ZipFile(path) as file, zipfile.ZipFile(file) as archive:
        _refuse_many(len(archive.infolist()), limits)
        for entry in archive.infolist():
            # zipfile bounds the output of a read for these two alone.
            if entry.flag_bits & 1 or entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                yield entry.file_size
                continue
            entry.file_size = 1 << 62  # read what is there, and not only what is declared
            with archive.open(entry) as content:
                while chunk := content.read(CHUNK_BYTES):
                    yield len(chunk)


def _gzip_bytes(path: Path, limits: ArchiveLimits) -> Iterator[int]:
    """Count what the members unpack to, zeros between them left out."""
    packed = b""
    members = 0
    with path.open("rb") as file:
        while packed := packed.lstrip(b"\0") or file.read(CHUNK_BYTES):
            members += 1
            _refuse_many(members, limits)
            member = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
            while not member.eof:
                unpacked = len(member.decompress(packed, CHUNK_BYTES))
                packed = member.unused_data or member.unconsumed_tail or file.read(CHUNK_BYTES)
                if not (member.eof or packed or unpacked):
                    raise EOFError("it ends too early")
                yield unpacked


def _refuse_many(entries: int, limits: ArchiveLimits) -> None:
    if entries > limits.entries:
        raise PermanentError("archive_bomb", f"an archive of more than {limits.entries} entries")


_UNPACKED: dict[str, Callable[[Path, ArchiveLimits], Iterator[int]]] = {
    "application/zip": _zip_bytes,
    "application/gzip": _gzip_bytes,
}
