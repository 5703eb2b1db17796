"""Tests of type detection and of the built-in content check."""

from __future__ import annotations

import gzip
import hashlib
import io
import marshal
import tracemalloc
import zipfile
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.streams.errors import PermanentError
from headrace.streams.media import content_check
from headrace.streams.media.archive_limits import ArchiveLimits
from headrace.streams.media.content_check import check, eicar
from headrace.streams.media.file_type import ContentType, detect

MEDIA = Path(__file__).parents[4] / "sandbox" / "media"
SMALL = ArchiveLimits(entries=10, output=1_000_000, ratio=10, free=10_000)

JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00"
PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"
MP4 = b"\0\0\0\x20ftypisom\0\0\x02\0"
WINDOWS_PROGRAM = b"MZ\x90\0\x03\0\0\0\x04\0\0\0\xff\xff"
ELF = b"\x7fELF\x02\x01\x01\0"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "object"


def zipped(entries: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", method) as archive:
        for name, data in entries.items():
            archive.writestr(zipfile.ZipInfo(name), data, method)  # a fixed date: the bytes are part of test ids
    return packed.getvalue()


def refused(path: Path, data: bytes, name: str, limits: ArchiveLimits = SMALL) -> PermanentError:
    path.write_bytes(data)
    with pytest.raises(PermanentError) as failure:
        check(path, name, limits)
    return failure.value


def accepted(path: Path, data: bytes, name: str, limits: ArchiveLimits = SMALL) -> str:
    path.write_bytes(data)
    return check(path, name, limits).content_type


@pytest.mark.parametrize(
    ("head", "mime", "kind", "demuxer"),
    [
        (JPEG, "image/jpeg", "image", "jpeg_pipe"),
        (PNG, "image/png", "image", "png_pipe"),
        (b"GIF89a\x40\x01", "image/gif", "image", "gif"),
        (b"BM\x36\x84\x03\0\0\0\0\0", "image/bmp", "image", "bmp_pipe"),
        (b"MM\0*\0\0\0\x08", "image/tiff", "image", "tiff_pipe"),
        (b"RIFF\x32\x0c\0\0WEBPVP8 ", "image/webp", "image", "webp_pipe"),
        (b"RIFF\x32\x0c\0\0WEBPVP8X\x0a\0\0\0\x02\0\0\0", "image/webp", "image", "webp_anim"),
        (b"RIFF\x32\x0c\0\0WEBPVP8X", "image/webp", "image", "webp_pipe"),
        (b"\0\0\0\x18ftypheic\0\0\0\0", "image/heic", "image", "mov"),
        (b"\0\0\0\x20ftypavif\0\0\0\0", "image/avif", "image", "mov"),
        (MP4, "video/mp4", "video", "mov"),
        (b"\0\0\0\x1cftypM4A \0\0\x02\0", "audio/mp4", "audio", "mov"),
        (b"\0\0\0\x14ftypqt  \0\0\x02\0", "video/quicktime", "video", "mov"),
        (b"\0\x07\x89\x12mdat\0\0\0\0", "video/quicktime", "video", "mov"),
        (b"\x1aE\xdf\xa3\x9fB\x86\x81\x01B\x82\x84webm", "video/webm", "video", "matroska"),
        (b"\x1aE\xdf\xa3\xa3B\x86\x81\x01B\x82\x88matroska", "video/x-matroska", "video", "matroska"),
        (b"RIFF\xec\x7c\x01\0AVI LIST", "video/x-msvideo", "video", "avi"),
        (b"RIFF\xde\x09\x04\0WAVEfmt ", "audio/wav", "audio", "wav"),
        (b"fLaC\0\0\0\x22", "audio/flac", "audio", "flac"),
        (b"ID3\x04\0\0\0\0\0\x22", "audio/mpeg", "audio", "mp3"),
        (b"\xff\xfb\x90\xc4\0\0", "audio/mpeg", "audio", "mp3"),
        (bytes(300) + b"\xff\xfb\x90\xc4\0\0", "audio/mpeg", "audio", "mp3"),
        (b"\xff\xf1\x50\x40\x20\xff", "audio/aac", "audio", "aac"),
        (b"OggS\0\x02" + bytes(22) + b"\x01\x1e\x01vorbis", "audio/ogg", "audio", "ogg"),
        (b"OggS\0\x02" + bytes(22) + b"\x01\x2a\x80theora", "video/ogg", "video", "ogg"),
        ((b"G" + bytes(187)) * 3, "video/mp2t", "video", "mpegts"),
        (b"%PDF-1.7\n%\xe2\xe3", "application/pdf", "document", None),
        (b"\xef\xbb\xbf\r\n%PDF-1.7\n%\xe2\xe3", "application/pdf", "document", None),
        (b"A file that starts with %PDF-1.7 is a PDF", "text/plain", "text", None),
        (b"BW64\xff\xff\xff\xffWAVEds64", "audio/wav", "audio", "wav"),
        (b"PK\x03\x04\x14\0", "application/zip", "archive", None),
        (b"\x1f\x8b\x08\0", "application/gzip", "archive", None),
        (b"7z\xbc\xaf\x27\x1c\0\x04", "application/x-7z-compressed", "archive", None),
        (bytes(257) + b"ustar\0", "application/x-tar", "archive", None),
        (ELF, "application/x-elf", "executable", None),
        (WINDOWS_PROGRAM, "application/vnd.microsoft.portable-executable", "executable", None),
        (b"#!/bin/sh\nrm -r x", "text/x-shellscript", "text", None),
        (b"\n <!DOCTYPE html><html>", "text/html", "text", None),
        (b'<?xml version="1.0"?>\n<svg xmlns="">', "image/svg+xml", "text", None),
        (b"#EXTM3U\n#EXTINF:1,\nfile:///etc/hosts\n", "application/vnd.apple.mpegurl", "text", None),
        ("Größe, 大きさ".encode(), "text/plain", "text", None),
        ("\ufeffhello".encode("utf-16"), "text/plain", "text", None),
        (b"MZ is how a sentence may begin", "text/plain", "text", None),
        (b"ID3 tags are explained here", "text/plain", "text", None),
    ],
)
def test_detects_the_type_by_the_first_bytes(head: bytes, mime: str, kind: str, demuxer: str | None) -> None:
    assert detect(head) == ContentType(mime, kind, demuxer)  # type: ignore[arg-type]


@pytest.mark.parametrize("head", [b"", b"\0", b"\xff", bytes(4096), b"\x80\x81\x82", b"\xff\xff\xff\xff", b"a\0b"])
def test_unknown_type_is_none(head: bytes) -> None:
    assert detect(head) is None


def test_detects_text_truncated_inside_a_character() -> None:
    found = detect("é".encode() * 2048 + b"\xc3")
    assert found is not None
    assert found.mime == "text/plain"


@given(st.one_of(st.binary(max_size=64), st.sampled_from([b"RIFF", b"\0\0\0\0ftyp", b"OggS", b"\xff\xfb"])))
def test_detection_accepts_any_bytes(head: bytes) -> None:
    found = detect(head)
    assert found is None or "/" in found.mime


@pytest.mark.parametrize(
    ("name", "mime"), [("bottles.mp4", "video/mp4"), ("jfk.flac", "audio/flac"), ("bottles.jpg", "image/jpeg")]
)
def test_verdict_has_the_type_the_digest_and_the_engine(name: str, mime: str) -> None:
    sample = MEDIA / name
    verdict = check(sample, f"some/folder/{name}")
    assert verdict.content_type == mime
    assert verdict.sha256 == hashlib.sha256(sample.read_bytes()).hexdigest()
    assert verdict.engine == "built-in content check (no virus scanner)"


@pytest.mark.parametrize("behind", [b"", b"\r\n", b" \t\x1a" + b" " * 57])
def test_eicar_file_is_infected_under_any_name(path: Path, behind: bytes) -> None:
    assert len(eicar()) == 68
    assert refused(path, eicar() + behind, "holiday.jpg").code == "infected"


@pytest.mark.parametrize("data", [b"x" + eicar(), eicar() + b"x", eicar() + b" " * 61], ids=["before", "behind", "129"])
def test_file_that_contains_the_eicar_string_is_accepted(path: Path, data: bytes) -> None:
    assert accepted(path, data, "about-eicar.txt") == "text/plain"


def test_eicar_string_is_not_in_the_source_or_bytecode() -> None:
    source = Path(content_check.__file__).read_bytes()
    assert eicar() not in source
    assert eicar() not in marshal.dumps(compile(source, "content.py", "exec"))


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (WINDOWS_PROGRAM, "photo.jpg"),
        (ELF, "clips/film.MP4"),
        (ELF, "notes.txt"),
        (WINDOWS_PROGRAM, "backup.zip"),
        (b"#!/bin/sh\nexit", "song.mp3"),
        (b"<html><script>", "photo.png"),
        (b"#EXTM3U\nfile:///etc/hosts\n", "video.mp4"),
        (MP4, "photo.jpg"),
        (JPEG, "film.mp4"),
        (JPEG, "paper.pdf"),
        (zipped({"a": b"a"}), "photo.jpg "),
        (JPEG, ".mp4"),
    ],
)
def test_rejects_content_of_another_kind_than_the_extension(path: Path, data: bytes, name: str) -> None:
    failure = refused(path, data, name)
    assert failure.code == "type_mismatch"
    assert "the extension is ." in failure.why


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (PNG, "photo.jpg"),
        (b"fLaC\0\0\0\x22", "film.mp4"),
        (MP4, "sound.m4a"),
        (WINDOWS_PROGRAM, "setup.exe"),
        (ELF, "bin/tool"),
        (ELF, "bin.mp4/tool"),
        (bytes(100), "data.unheard-of"),
        (b"caf\xe9 \x93", "latin1.csv"),
        (bytes(range(128, 256)) * 9, "noise.mp4"),  # a decoder decides
        (JPEG, "a/b/../c+d %20ü.jpeg"),
        (b"", "empty.mp4"),
        (b"", ""),
    ],
)
def test_accepts_content_of_the_same_kind_or_without_a_known_extension(path: Path, data: bytes, name: str) -> None:
    assert accepted(path, data, name)


def test_accepts_an_ordinary_zip(path: Path) -> None:
    assert accepted(path, zipped({"a.txt": b"hello" * 100, "ü/b": b"x"}), "a.zip") == "application/zip"


@pytest.mark.parametrize(
    "data",
    [
        zipped({"bomb": bytes(200_000)}),
        zipped({f"{n}": bytes(9_000) for n in range(9)}),
        zipped({"bomb": bytes(200_000)}, zipfile.ZIP_BZIP2),
        zipped({f"{n}": b"" for n in range(11)}),
        gzip.compress(bytes(200_000)),
        gzip.compress(bytes(9_000)) * 9,
        gzip.compress(b"") * 11,
    ],
    ids=["one entry", "many entries", "rare method", "too many", "gzip", "gzip members", "too many members"],
)
def test_rejects_archives_over_the_limits(path: Path, data: bytes) -> None:
    assert refused(path, data, "archive").code == "archive_bomb"


def test_rejects_a_zip_with_false_sizes(path: Path) -> None:
    honest = zipped({"bomb": bytes(200_000)})
    lying = honest.replace((200_000).to_bytes(4, "little"), (10).to_bytes(4, "little"))
    assert lying != honest
    assert refused(path, lying, "a.zip").code == "archive_bomb"


def test_output_limit_applies_to_incompressible_content(path: Path) -> None:
    data = hashlib.shake_256(b"noise").digest(300_000)
    limits = ArchiveLimits(entries=10, output=250_000, ratio=10, free=10_000)
    assert refused(path, zipped({"a": data}, zipfile.ZIP_STORED), "a.zip", limits).code == "archive_bomb"
    assert refused(path, gzip.compress(data), "a.gz", limits).code == "archive_bomb"


def test_does_not_extract_unusual_compression_methods(path: Path) -> None:
    path.write_bytes(zipped({"a": bytes(50 << 20)}, zipfile.ZIP_BZIP2))
    tracemalloc.start()
    check(path, "a.zip")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 5 << 20


def test_small_archives_may_have_any_ratio(path: Path) -> None:
    assert accepted(path, gzip.compress(bytes(9_000)), "a.gz")


def test_does_not_extract_nested_archives(path: Path) -> None:
    inner = zipped({"bomb": bytes(5_000_000)})
    assert accepted(path, zipped({"inner.zip": inner}), "a.zip")


def test_rejects_a_huge_central_directory_before_reading_it(path: Path) -> None:
    size = 50 << 20
    end = b"PK\x05\x06" + bytes(4) + b"\xff\xff" * 2 + size.to_bytes(4, "little") + bytes(6)
    with path.open("wb") as file:
        file.write(b"PK\x03\x04")
        file.truncate(size)
        file.seek(size)
        file.write(end)
    with pytest.raises(PermanentError, match="central directory") as failure:
        check(path, "a.zip")
    assert failure.value.code == "archive_bomb"


@pytest.mark.parametrize(
    "data",
    [
        zipped({"a": b"hello" * 99})[:-30],
        zipped({"a": b"hello" * 99}, zipfile.ZIP_STORED).replace(b"hello", b"jello", 1),
        zipped({"a": b"a"})[:-6] + (100).to_bytes(4, "little") + bytes(2),
        b"PK\x03\x04" + bytes(50),
        gzip.compress(b"hello" * 99)[:-9],
        gzip.compress(b"hello" * 99)[:-8] + bytes(8),
        gzip.compress(b"hello" * 99) + b"junk",
    ],
    ids=["cut zip", "changed zip", "moved zip", "no zip", "cut gzip", "changed gzip", "junk behind gzip"],
)
def test_damaged_archive_is_unreadable(path: Path, data: bytes) -> None:
    failure = refused(path, data, "archive")
    assert failure.code == "unreadable"
    assert failure.why.startswith("the archive cannot be checked")


def test_reads_all_gzip_members_and_their_zero_padding(path: Path) -> None:
    members = gzip.compress(b"one") + bytes(1000) + gzip.compress(hashlib.shake_256(b"two").digest(100_000)) + bytes(9)
    assert accepted(path, members, "a.tgz") == "application/gzip"
    assert refused(path, members + gzip.compress(bytes(2_000_000)), "a.tgz").code == "archive_bomb"


@given(st.binary(max_size=200), st.integers(0, 60), st.booleans())
def test_archive_check_accepts_any_bytes(
    tmp_path_factory: pytest.TempPathFactory, junk: bytes, at: int, zip_: bool
) -> None:
    data = zipped({"a": b"hello" * 9, "b": zlib.compress(b"x")}) if zip_ else gzip.compress(b"hello" * 9)
    path = tmp_path_factory.getbasetemp() / "strange"
    path.write_bytes(data[: at + 4] + junk + data[at + 4 + len(junk) :])
    try:
        code = check(path, "archive", SMALL).content_type
    except PermanentError as failure:
        code = failure.code
    # Junk at the right place makes it a file of another kind.
    assert code in ("unreadable", "archive_bomb") or "/" in code
