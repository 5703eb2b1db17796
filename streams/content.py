"""What a file really is, told from its bytes, and a check of its content. It is no virus scanner, and says so."""

from __future__ import annotations

import codecs
import hashlib
import io
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from streams.failures import Unprocessable

Kind = Literal["image", "video", "audio", "document", "archive", "executable", "text", "unknown"]

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
UNKNOWN = ContentType("application/octet-stream", "unknown")

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
    (
        ContentType("application/vnd.microsoft.portable-executable", "executable"),
        ({0: b"MZ", 6: b"\0"},),
    ),
    (ContentType("application/java-vm", "executable"), ({0: b"\xca\xfe\xba\xbe"},)),
    (ContentType("application/wasm", "executable"), ({0: b"\0asm"},)),
    (
        ContentType("application/x-mach-binary", "executable"),
        ({0: b"\xfe\xed\xfa\xce"}, {0: b"\xfe\xed\xfa\xcf"}, {0: b"\xce\xfa\xed\xfe"}, {0: b"\xcf\xfa\xed\xfe"}),
    ),
)

_WEBP = ContentType("image/webp", "image", "webp_pipe")
_WEBP_ANIMATION = ContentType("image/webp", "image", "webp_anim")
_MP4 = ContentType("video/mp4", "video", "mov")
_BRANDS = {
    b"qt  ": ContentType("video/quicktime", "video", "mov"),
    b"M4A ": ContentType("audio/mp4", "audio", "mov"),
    b"M4B ": ContentType("audio/mp4", "audio", "mov"),
    b"avif": ContentType("image/avif", "image", "mov"),
    b"avis": ContentType("image/avif", "image", "mov"),
    b"heic": ContentType("image/heic", "image", "mov"),
    b"heix": ContentType("image/heic", "image", "mov"),
    b"mif1": ContentType("image/heif", "image", "mov"),
    b"msf1": ContentType("image/heif", "image", "mov"),
}
_TEXTS = {
    "#!": ContentType("text/x-shellscript", "text"),
    "#extm3u": ContentType("application/vnd.apple.mpegurl", "text"),
    "<!doctype html": ContentType("text/html", "text"),
    "<html": ContentType("text/html", "text"),
    "<script": ContentType("text/html", "text"),
    "<svg": ContentType("image/svg+xml", "text"),
    "<?xml": ContentType("application/xml", "text"),
    "": ContentType("text/plain", "text"),
}

_IMAGE: tuple[Kind, ...] = ("image",)
_DOCUMENT: tuple[Kind, ...] = ("document",)
_MOTION_OR_SOUND: tuple[Kind, ...] = ("video", "audio")
_NO_PROGRAM: tuple[Kind, ...] = ("image", "video", "audio", "document", "archive", "text", "unknown")
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


def sniff(head: bytes) -> ContentType | None:
    """Tell the type from the first `HEAD_BYTES` of a file; None for what is not known."""
    for sniffer in (_container, _signature, _audio_frame, _text):
        if found := sniffer(head):
            return found
    return None


def _container(head: bytes) -> ContentType | None:
    if head[4:8] == b"ftyp":
        return _BRANDS.get(head[8:12], _MP4)
    if head.startswith(b"\x1aE\xdf\xa3"):
        return ContentType("video/webm" if b"webm" in head[:64] else "video/x-matroska", "video", "matroska")
    if head.startswith(b"OggS"):
        moving = b"\x80theora" in head or b"\x01video" in head
        return ContentType("video/ogg", "video", "ogg") if moving else ContentType("audio/ogg", "audio", "ogg")
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        animated = head[12:16] == b"VP8X" and len(head) > 20 and head[20] & 2
        return _WEBP_ANIMATION if animated else _WEBP
    return None


def _signature(head: bytes) -> ContentType | None:
    for found, signatures in _SIGNATURES:
        if any(all(head.startswith(part, at) for at, part in signature.items()) for signature in signatures):
            return found
    return None


def _audio_frame(head: bytes) -> ContentType | None:
    """Know MPEG audio without any container by the header of its first frame."""
    frame = head.lstrip(b"\0")
    if len(frame) < 3 or frame[0] != 0xFF:
        return None
    if frame[1] & 0xF6 == 0xF0:
        return ContentType("audio/aac", "audio", "aac")
    layer_2_or_3 = frame[1] & 0xE0 == 0xE0 and frame[1] & 6 in (2, 4)
    if layer_2_or_3 and frame[2] >> 4 != 15 and frame[2] & 12 != 12:
        return ContentType("audio/mpeg", "audio", "mp3")
    return None


def _text(head: bytes) -> ContentType | None:
    if not head:
        return None
    encoding = "utf-16" if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8-sig"
    try:
        text = codecs.getincrementaldecoder(encoding)().decode(head)
    except UnicodeDecodeError:
        return None
    if any(character < " " and character not in "\t\n\r\f\x1a\x1b" for character in text):
        return None
    start = text.lstrip().lower()
    if start.startswith("<?xml") and "<svg" in start:
        return _TEXTS["<svg"]
    return next(found for mark, found in _TEXTS.items() if start.startswith(mark))


def check(path: Path, name: str, limits: ArchiveLimits = ARCHIVE_LIMITS) -> Verdict:
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
        raise Unprocessable("infected", "EICAR test file")
    found = sniff(head) or UNKNOWN
    if head:
        _refuse_mismatch(found, name)
    if found.mime in _UNPACKED:
        _refuse_bomb(path, found.mime, limits)
    return Verdict(ENGINE, found.mime, sha256)


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
        raise Unprocessable("type_mismatch", f"the name ends in .{extension}, but the content is {found.mime}")


def _refuse_bomb(path: Path, mime: str, limits: ArchiveLimits) -> None:
    size = path.stat().st_size
    unpacked = 0
    try:
        for more in _UNPACKED[mime](path, limits):
            unpacked += more
            if unpacked > limits.allowance(size):
                raise Unprocessable("archive_bomb", f"{size} bytes unpack to more than {limits.allowance(size)}")
    except (zipfile.BadZipFile, zlib.error, EOFError, ValueError, NotImplementedError, struct.error) as error:
        raise Unprocessable("unreadable", f"an archive that cannot be checked: {str(error)[:200]}") from error


class _ZipFile(io.FileIO):
    """A file that refuses what `zipfile` does with it at the word of a hostile header."""

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        if whence == io.SEEK_SET and offset < 0:
            raise zipfile.BadZipFile("an entry begins before the archive")
        return super().seek(offset, whence)

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > CENTRAL_DIRECTORY_BYTES:
            raise Unprocessable("archive_bomb", f"a ZIP whose table of contents alone has {size} bytes")
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
        raise Unprocessable("archive_bomb", f"an archive of more than {limits.entries} entries")


_UNPACKED: dict[str, Callable[[Path, ArchiveLimits], Iterator[int]]] = {
    "application/zip": _zip_bytes,
    "application/gzip": _gzip_bytes,
}
