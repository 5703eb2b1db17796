"""Tests of hostile files: each has one bounded try, and its fault stays its own."""

from __future__ import annotations

import asyncio
import random
import struct
import subprocess
import zlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import imageio_ffmpeg
import pytest

from headrace.streams.errors import PermanentError
from headrace.streams.media import content_check
from headrace.streams.media.info import MediaInfo
from headrace.streams.media.inspection.messages import Limits
from headrace.streams.media.probe import probe
from headrace.streams.media.thumbnails import thumbnails
from headrace.streams.media.tools import MediaTools

MEDIA = Path(__file__).parents[4] / "sandbox" / "media"
CODES = {"unreadable", "unsupported_input", "too_large", "empty"}
CUTS = 30
VIDEO = ("-f", "lavfi", "-i", "testsrc=s=64x48:r=5:d=6", "-f", "lavfi", "-i", "sine=d=6", "-pix_fmt", "yuv420p")
SOUND = ("-f", "lavfi", "-i", "sine=d=6")
PICTURE = ("-f", "lavfi", "-i", "testsrc=s=64x48", "-frames:v", "1")
CONTAINERS = {
    "mp4": VIDEO,
    "fragments.mp4": (*VIDEO, "-movflags", "frag_keyframe+empty_moov"),
    "mkv": VIDEO,
    "webm": (*VIDEO, "-deadline", "realtime"),
    "avi": VIDEO,
    "ts": VIDEO,
    "flv": VIDEO,
    "mpg": ("-f", "lavfi", "-i", "testsrc=s=64x48:r=25:d=2", "-c:v", "mpeg1video"),
    "wmv": VIDEO,
    "ogv": ("-f", "lavfi", "-i", "testsrc=s=64x48:r=5:d=3", "-c:v", "libtheora"),
    "mp3": SOUND,
    "flac": SOUND,
    "wav": SOUND,
    "ogg": SOUND,
    "m4a": SOUND,
    "aac": SOUND,
    "jpg": PICTURE,
    "png": PICTURE,
    "gif": PICTURE,
    "webp": PICTURE,
    "tiff": PICTURE,
    "bmp": PICTURE,
}


@pytest.fixture(scope="session")
def samples(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Return one small file of each container."""
    folder = tmp_path_factory.mktemp("samples")
    return {name: _made(folder / f"a.{name}", *arguments) for name, arguments in CONTAINERS.items()}


def _made(path: Path, *arguments: str) -> bytes:
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-nostdin", "-y", *arguments, str(path)]
    subprocess.run(command, check=True, timeout=120)
    return path.read_bytes()


async def outcome(path: Path, name: str, folder: Path) -> str:
    """Return the code of the error of a file, or its kind. Any other exception fails the test."""
    try:
        info = await probe(path, name)
        await thumbnails(path, info, folder, name)
    except PermanentError as error:
        failure = error
    else:
        return info.kind
    assert failure.code in CODES
    assert str(folder) not in failure.why
    return failure.code


async def outcomes(contents: Iterator[bytes], name: str, folder: Path) -> list[str]:
    """Return the outcome of each content, four at a time."""
    limit = asyncio.Semaphore(4)

    async def one(number: int, content: bytes) -> str:
        async with limit:
            path = folder / str(number)
            (folder / f"{number}.d").mkdir()
            path.write_bytes(content)
            return await outcome(path, f"{number}.{name}", folder / f"{number}.d")

    return await asyncio.gather(*(one(number, content) for number, content in enumerate(contents)))


@pytest.mark.parametrize("name", ["mp4", "mkv", "ts", "mp3", "flac", "wav", "png", "jpg"])
async def test_file_that_is_cut_anywhere_has_an_outcome(samples: dict[str, bytes], tmp_path: Path, name: str) -> None:
    whole = samples[name]
    ends = (1 + (len(whole) - 2) * cut // (CUTS - 1) for cut in range(CUTS))
    found = await outcomes((whole[:end] for end in ends), name, tmp_path)
    assert len(found) == CUTS
    if name in ("mp4", "mkv", "flac", "wav", "png"):
        assert found[: CUTS // 2].count("unreadable") > CUTS // 3


@pytest.mark.parametrize("name", CONTAINERS)
async def test_noise_in_a_file_has_an_outcome(samples: dict[str, bytes], tmp_path: Path, name: str) -> None:
    draw, whole = random.Random(name), samples[name]

    def noisy() -> Iterator[bytes]:
        yield whole[:16] + draw.randbytes(len(whole))
        for _ in range(4):
            data = bytearray(whole)
            for _ in range(max(4, len(data) // 200)):
                data[draw.randrange(len(data))] = draw.randrange(256)
            yield bytes(data)

    assert len(await outcomes(noisy(), name, tmp_path)) == 5


@pytest.mark.parametrize("size", [1, 2, 3, 100, 4096, 100_000])
async def test_random_bytes_have_an_outcome(tmp_path: Path, size: int) -> None:
    draw = random.Random(size)
    found = await outcomes((draw.randbytes(size) for _ in range(10)), "bin", tmp_path)
    assert set(found) <= {"other", "audio", "video", "image", *CODES}


def png(width: int, height: int, pixels: bytes = b"") -> bytes:
    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


@cache
def zeros(size: int) -> bytes:
    packer = zlib.compressobj(9)
    return b"".join(packer.compress(bytes(1 << 20)) for _ in range(size >> 20)) + packer.flush()


BOMBS = {
    "huge.png": png(60_000, 60_000, zeros(64 << 20)),
    "widest.png": png(0x7FFFFFFF, 1, zeros(1 << 20)),
    "highest.png": png(1, 0x7FFFFFFF, zeros(1 << 20)),
    "huge.bmp": b"BM" + struct.pack("<IIIIiiHHIIiiII", 54, 0, 54, 40, 60_000, 60_000, 1, 24, 0, 0, 0, 0, 0, 0),
    "huge.gif": b"GIF89a" + struct.pack("<HHBBB", 65535, 65535, 0, 0, 0) + b",\0\0\0\0\xff\xff\xff\xff\0\x08\x01\0\0;",
    "huge.ppm": b"P6\n60000 60000\n255\n" + bytes(1000),
    "huge.y4m": b"YUV4MPEG2 W60000 H60000 F25:1\nFRAME\n" + bytes(1000),
    "huge.qoi": b"qoif" + struct.pack(">IIBB", 60_000, 60_000, 4, 0) + bytes(1000),
    "huge.ico": b"\0\0\x01\0\x01\0" + struct.pack("<BBBBHHII", 0, 0, 0, 0, 1, 32, 1 << 30, 22) + bytes(1000),
}


@pytest.mark.parametrize("name", BOMBS)
async def test_picture_with_huge_dimensions_is_rejected(tmp_path: Path, name: str) -> None:
    path = tmp_path / "object"
    path.write_bytes(BOMBS[name])
    with pytest.raises(PermanentError) as failure:
        await probe(path, name if not name.endswith(("ppm", "y4m", "qoi", "ico")) else "a.png")
    assert failure.value.code in CODES


PLAYLISTS = {
    "hls": "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:6,\n{secret}\n#EXT-X-ENDLIST\n",
    "hls behind spaces": "   \n#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:6,\n{secret}\n#EXT-X-ENDLIST\n",
    "concat": "ffconcat version 1.0\nfile '{secret}'\n",
    "dash": '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static"><Period><AdaptationSet '
    'mimeType="video/mp4"><Representation id="1" bandwidth="1"><BaseURL>{secret}</BaseURL></Representation>'
    "</AdaptationSet></Period></MPD>",
    "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 9 RTP/AVP 96\n",
    "imf": '<?xml version="1.0"?><CompositionPlaylist xmlns="http://www.smpte-ra.org/schemas/2067-3/2016"/>',
    "svg": '<svg xmlns="http://www.w3.org/2000/svg"><image href="{secret}"/></svg>',
    "m3u": "{secret}\n",
    "smil": '<smil><body><video src="{secret}"/></body></smil>',
}


@pytest.mark.parametrize(
    "scheme", ["file://", "", "http://127.0.0.1:9/", "subfile,,start,0,end,9,,:", "concat:", "data:"]
)
@pytest.mark.parametrize("name", PLAYLISTS)
async def test_playlist_opens_nothing(tmp_path: Path, name: str, scheme: str) -> None:
    secret = MEDIA / "rabbit.mp4"
    path = tmp_path / "object"
    path.write_text(PLAYLISTS[name].format(secret=f"{scheme}{secret}"))
    assert (await probe(path, "playlist")).kind == "other"
    with pytest.raises(PermanentError) as failure:
        content_check.check(path, "video.mp4")
    assert failure.value.code == "type_mismatch"


@pytest.mark.parametrize("prefix", [b"\x80\x00", b"\0" * 100, b"\xff\xfe\x00"])
@pytest.mark.parametrize("name", PLAYLISTS)
async def test_playlist_behind_binary_bytes_opens_nothing(tmp_path: Path, name: str, prefix: bytes) -> None:
    path = tmp_path / "object"
    path.write_bytes(prefix + PLAYLISTS[name].format(secret=MEDIA / "rabbit.mp4").encode())
    assert (await outcome(path, "a.bin", tmp_path)) in ("other", "unreadable")


def quicktime_reference(target: str) -> bytes:
    """Return a movie whose media lie in another file (`dref`, `rmra`)."""
    url = f"url {target}".encode()

    def box(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", 8 + len(data)) + kind + data

    reference = box(b"rmra", box(b"rmda", box(b"rdrf", bytes(4) + b"url " + struct.pack(">I", len(url)) + url)))
    return box(b"ftyp", b"qt  \0\0\2\0qt  ") + box(b"moov", reference)


async def test_movie_that_refers_to_another_file_opens_nothing(tmp_path: Path) -> None:
    path = tmp_path / "object"
    path.write_bytes(quicktime_reference(str(MEDIA / "rabbit.mp4")))
    assert await outcome(path, "a.mov", tmp_path) == "unreadable"


async def test_attachments_and_many_tags_are_ignored(tmp_path: Path) -> None:
    playlist = tmp_path / "x.m3u8"
    playlist.write_text(PLAYLISTS["hls"].format(secret="/etc/hostname"))
    tags = [text for number in range(500) for text in ("-metadata", f"tag{number}={'x' * 100}")]
    attached = ("-attach", str(playlist), "-metadata:s:t", "mimetype=application/vnd.apple.mpegurl")
    path = tmp_path / "a.mkv"
    _made(path, *VIDEO, *attached, *tags)
    info = await probe(path)
    assert (info.kind, info.width, info.height) == ("video", 64, 48)


async def test_hundreds_of_streams_have_an_outcome(tmp_path: Path) -> None:
    source = tmp_path / "one.mkv"
    _made(source, *SOUND)
    path = tmp_path / "many.mkv"
    _made(path, "-i", str(source), *(["-map", "0"] * 990), "-c", "copy", "-t", "0.2")
    assert await outcome(path, path.name, tmp_path) in ("audio", "unreadable", "unsupported_input")


def pdf(content: bytes) -> bytes:
    return b"%PDF-1.7\n" + content + b"\ntrailer << /Root 1 0 R >>\n%%EOF\n"


@pytest.mark.parametrize(
    "content",
    [
        b"1 0 obj << /Type /Catalog /Pages 1 0 R >> endobj",
        b"1 0 obj << /Type /Pages /Kids [1 0 R 1 0 R] /Count 99999999 >> endobj",
        b"1 0 obj " + b"[" * 100_000 + b" endobj",
    ],
    ids=["catalogue is its page tree", "page tree holds itself", "deep"],
)
async def test_recursive_pdf_is_not_parsed(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "object"
    path.write_bytes(pdf(content))
    assert await probe(path, "a.pdf") == MediaInfo("other", "application/pdf")
    assert content_check.check(path, "a.pdf").content_type == "application/pdf"


@pytest.mark.parametrize(
    "prefix", [b"\xef\xbb\xbf", b"\r\n", b"\n\n  ", b"\xef\xbb\xbf\r\n", b"\0" * 10, b"junk \x80\x81 "]
)
async def test_pdf_behind_other_bytes_is_a_pdf(tmp_path: Path, prefix: bytes) -> None:
    path = tmp_path / "object"
    path.write_bytes(prefix + pdf(b"1 0 obj << >> endobj \xe2\xe3\xcf\xd3"))
    assert content_check.check(path, "a.pdf").content_type == "application/pdf"
    assert (await probe(path, "a.pdf")).format == "application/pdf"


async def test_expensive_file_has_one_bounded_try(tmp_path: Path) -> None:
    """A Matroska file of millions of small elements, which a search for key frames reads again and again."""
    whole = _made(tmp_path / "a.mkv", *VIDEO, "-live", "1")
    path = tmp_path / "expensive.mkv"
    path.write_bytes(whole + b"\xec\x80" * (8 << 20))
    tools = MediaTools(Limits(cpu_seconds=2))
    try:
        await asyncio.wait_for(probe(path, tools=tools), 150)
    except PermanentError as error:
        code = error.code
    else:
        code = "read"
    finally:
        await asyncio.to_thread(tools.inspector.close)
    assert code in ("unsupported_input", "unreadable", "read")


async def test_picture_without_a_frame_is_unreadable(tmp_path: Path) -> None:
    path = tmp_path / "a.gif"
    path.write_bytes(b"GIF89a\x01\0\x01\0\0\0\0;\n%PDF-1.4\n%%EOF")
    with pytest.raises(PermanentError) as caught:
        await probe(path, "a.gif")
    assert caught.value.code == "unreadable"
