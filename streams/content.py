"""What a file really is, told from its bytes, and a check of its content. It is no virus scanner, and says so."""

from __future__ import annotations

import codecs
import hashlib
import io
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from streams.failures import Unprocessable

Kind = Literal["image", "video", "audio", "document", "archive", "executable", "text"]

ENGINE = "built-in content check (no virus scanner)"
HEAD_BYTES = 4096
"""How much of a file's start `sniff` wants to see."""

CHUNK_BYTES = 1 << 16
CENTRAL_DIRECTORY_BYTES = 4 << 20
"""The largest table of contents of a ZIP that is read into memory, enough for 20,000 long names."""


@dataclass(frozen=True, slots=True)
class ContentType:
    """A media type, what it is to the pipeline, and the ffmpeg demuxer for it where ffmpeg may read it."""

    mime: str
    kind: Kind
    demuxer: str | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What harmless content is, and who says so."""

    engine: str
    content_type: str
    sha256: str


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

# A row is a type and its signatures, of which one must fit: each is bytes at their offsets.
_SIGNATURES: tuple[tuple[ContentType, tuple[dict[int, bytes], ...]], ...] = (
    (ContentType("image/jpeg", "image", "jpeg_pipe"), ({0: b"\xff\xd8\xff"},)),
    (ContentType("image/png", "image", "png_pipe"), ({0: b"\x89PNG\r\n\x1a\n"},)),
    (ContentType("image/gif", "image", "gif"), ({0: b"GIF87a"}, {0: b"GIF89a"})),
    (ContentType("image/bmp", "image", "bmp_pipe"), ({0: b"BM", 6: bytes(4)},)),
    (ContentType("image/tiff", "image", "tiff_pipe"), ({0: b"II*\0"}, {0: b"MM\0*"})),
    (ContentType("image/jxl", "image", "jpegxl_pipe"), ({0: b"\xff\x0a"}, {0: b"\0\0\0\x0cJXL "})),
    (ContentType("image/jp2", "image", "j2k_pipe"), ({0: b"\0\0\0\x0cjP  "},)),
    (ContentType("audio/wav", "audio", "wav"), ({0: b"RIFF", 8: b"WAVE"}, {0: b"RF64", 8: b"WAVE"})),
    (ContentType("audio/aiff", "audio", "aiff"), ({0: b"FORM", 8: b"AIFF"}, {0: b"FORM", 8: b"AIFC"})),
    (ContentType("audio/flac", "audio", "flac"), ({0: b"fLaC"},)),
    (ContentType("audio/mpeg", "audio", "mp3"), ({0: b"ID3\x02"}, {0: b"ID3\x03"}, {0: b"ID3\x04"})),
    (ContentType("audio/x-caf", "audio", "caf"), ({0: b"caff\0\x01"},)),
    (ContentType("audio/amr", "audio", "amr"), ({0: b"#!AMR"},)),
    (ContentType("video/x-msvideo", "video", "avi"), ({0: b"RIFF", 8: b"AVI "},)),
    (ContentType("video/x-ms-asf", "video", "asf"), ({0: b"\x30\x26\xb2\x75\x8e\x66\xcf\x11"},)),
    (ContentType("video/x-flv", "video", "flv"), ({0: b"FLV\x01"},)),
    (ContentType("video/mpeg", "video", "mpeg"), ({0: b"\0\0\x01\xba"},)),
    (ContentType("video/mpeg", "video", "mpegvideo"), ({0: b"\0\0\x01\xb3"},)),
    (ContentType("video/mp2t", "video", "mpegts"), ({0: b"G", 188: b"G", 376: b"G"}, {4: b"G", 196: b"G", 388: b"G"})),
    (ContentType("video/quicktime", "video", "mov"), ({4: b"moov"}, {4: b"mdat"}, {0: b"\0\0\0\x08wide"})),
    (ContentType("application/mxf", "video", "mxf"), ({0: b"\x06\x0e\x2b\x34\x02\x05\x01"},)),
    (ContentType("application/pdf", "document"), ({0: b"%PDF-"},)),
    (ContentType("application/rtf", "document"), ({0: b"{\\rtf"},)),
    (ContentType("application/x-ole-storage", "document"), ({0: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"},)),
    (ContentType("application/zip", "archive"), ({0: b"PK\x03\x04"}, {0: b"PK\x05\x06"})),
    (ContentType("application/gzip", "archive"), ({0: b"\x1f\x8b"},)),
    (ContentType("application/x-7z-compressed", "archive"), ({0: b"7z\xbc\xaf\x27\x1c"},)),
    (ContentType("application/vnd.rar", "archive"), ({0: b"Rar!\x1a\x07"},)),
    (ContentType("application/x-xz", "archive"), ({0: b"\xfd7zXZ\0"},)),
    (ContentType("application/x-bzip2", "archive"), ({0: b"BZh"},)),
    (ContentType("application/zstd", "archive"), ({0: b"\x28\xb5\x2f\xfd"},)),
    (ContentType("application/x-tar", "archive"), ({257: b"ustar"},)),
    (ContentType("application/x-elf", "executable"), ({0: b"\x7fELF"},)),
    (ContentType("application/vnd.microsoft.portable-executable", "executable"), ({0: b"MZ", 6: b"\0"}, {0: b"MZ\x90\0"})),
    (ContentType("application/java-vm", "executable"), ({0: b"\xca\xfe\xba\xbe"},)),
    (ContentType("application/wasm", "executable"), ({0: b"\0asm"},)),
    (
        ContentType("application/x-mach-binary", "executable"),
        ({0: b"\xfe\xed\xfa\xce"}, {0: b"\xfe\xed\xfa\xcf"}, {0: b"\xce\xfa\xed\xfe"}, {0: b"\xcf\xfa\xed\xfe"}),
    ),
)

_BRANDS = {
    b"qt  ": ContentType("video/quicktime", "video", "mov"),
    b"heic": ContentType("image/heic", "image", "mov"),
    b"heix": ContentType("image/heic", "image", "mov"),
    b"mif1": ContentType("image/heif", "image", "mov"),
    b"avif": ContentType("image/avif", "image", "mov"),
    b"avis": ContentType("image/avif", "image", "mov"),
    b"M4A ": ContentType("audio/mp4", "audio", "mov"),
    b"M4B ": ContentType("audio/mp4", "audio", "mov"),
}

_TEXTS = (
    ("text/x-shellscript", "#!"),
    ("text/html", "<!doctype html"),
    ("text/html", "<html"),
    ("text/html", "<script"),
    ("image/svg+xml", "<svg"),
    ("application/xml", "<?xml"),
    ("application/vnd.apple.mpegurl", "#extm3u"),
)

_EXTENSIONS: tuple[tuple[frozenset[str], str], ...] = ()
