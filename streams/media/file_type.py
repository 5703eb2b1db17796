"""Detect a file's type from its first bytes, regardless of its name."""

from __future__ import annotations

import codecs
from dataclasses import dataclass
from typing import Literal

FileKind = Literal["image", "video", "audio", "document", "archive", "executable", "text", "unknown"]

HEAD_BYTES = 4096
"""Number of leading bytes that `detect` reads."""


@dataclass(frozen=True, slots=True)
class ContentType:
    """A media type, its kind, and the ffmpeg demuxer; None if ffmpeg must not read it."""

    mime: str
    kind: FileKind
    demuxer: str | None = None


UNKNOWN = ContentType("application/octet-stream", "unknown")
_PDF = ContentType("application/pdf", "document")

# A row is a type and its alternative signatures; a signature is bytes by offset.
_SIGNATURES: tuple[tuple[ContentType, tuple[dict[int, bytes], ...]], ...] = (
    (ContentType("image/jpeg", "image", "jpeg_pipe"), ({0: b"\xff\xd8\xff"},)),
    (ContentType("image/png", "image", "png_pipe"), ({0: b"\x89PNG\r\n\x1a\n"},)),
    (ContentType("image/gif", "image", "gif"), ({0: b"GIF87a"}, {0: b"GIF89a"})),
    (ContentType("image/bmp", "image", "bmp_pipe"), ({0: b"BM", 6: bytes(4)},)),
    (ContentType("image/tiff", "image", "tiff_pipe"), ({0: b"II*\0"}, {0: b"MM\0*"})),
    (ContentType("image/jxl", "image", "jpegxl_pipe"), ({0: b"\xff\x0a"}, {0: b"\0\0\0\x0cJXL "})),
    (ContentType("image/jp2", "image", "j2k_pipe"), ({0: b"\0\0\0\x0cjP  "},)),
    (
        ContentType("audio/wav", "audio", "wav"),
        ({0: b"RIFF", 8: b"WAVE"}, {0: b"RF64", 8: b"WAVE"}, {0: b"BW64", 8: b"WAVE"}),
    ),
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
    (_PDF, ({0: b"%PDF-"},)),
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


def detect(head: bytes) -> ContentType | None:
    """Return the type of a file from its first `HEAD_BYTES` bytes; None if it is unknown."""
    for sniffer in (_container, _signature, _document, _audio_frame, _text):
        if content_type := sniffer(head):
            return content_type
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
    for content_type, signatures in _SIGNATURES:
        if any(all(head.startswith(part, at) for at, part in signature.items()) for signature in signatures):
            return content_type
    return None


def _document(head: bytes) -> ContentType | None:
    """Detect a PDF behind a byte order mark, white space or other bytes, as PDF readers do.

    Source: PDF 1.7 (Adobe), annex H, implementation note 13: the header is in the first 1024 bytes.
    """
    if (at := head[:1024].find(b"%PDF-")) < 0 or not head[at + 5 : at + 6].isdigit():
        return None
    before = head[:at].removeprefix(codecs.BOM_UTF8).strip()
    return _PDF if not before or not _text(head) else None


def _audio_frame(head: bytes) -> ContentType | None:
    """Detect MPEG audio without a container by the header of its first frame."""
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
    return next(content_type for prefix, content_type in _TEXTS.items() if start.startswith(prefix))


def picture_demuxer(name: str) -> str:
    """Return the demuxer for a format of pictures."""
    return name if name in ("apng", "ico", "jpegxl_anim") else f"{name}_pipe"
