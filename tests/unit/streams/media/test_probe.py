"""Tests of probe and thumbnails with the real ffmpeg; a stub program simulates its failures."""

from __future__ import annotations

import asyncio
import os
import stat
import struct
import subprocess
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import psutil
import pytest

from headrace.streams.errors import OutageError, PermanentError, TransientError
from headrace.streams.media import content_check
from headrace.streams.media import ffmpeg as ffmpeg_module
from headrace.streams.media.ffmpeg import FfmpegLimits
from headrace.streams.media.ffmpeg_output import MediaInfo, parse
from headrace.streams.media.file_type import ContentType
from headrace.streams.media.file_type import FileKind as DetectedKind
from headrace.streams.media.probe import probe
from headrace.streams.media.thumbnails import thumbnails

MEDIA = Path(__file__).parents[4] / "sandbox" / "media"
PICTURE = ("-f", "lavfi", "-i", "testsrc=s=320x240:r=10")
CLIP = ("-f", "lavfi", "-i", "testsrc=s=320x240:r=10:d=6")
SONG = ("-f", "lavfi", "-i", "sine=d=6")

Make = Callable[..., Path]
Stub = Callable[..., FfmpegLimits]
Hung = tuple[Callable[[float], FfmpegLimits], Callable[[], list[int]]]

VIDEO_WITH_SOUND = """\
Input #0, mov,mp4,m4a,3gp,3g2,mj2, from 'fd:':
  Metadata:
    major_brand     : mp42
    creation_time   : 2012-03-31T19:46:48.000000Z
  Duration: 00:00:07.80, start: 0.000000, bitrate: 855 kb/s
  Stream #0:0[0x1](eng): Video: h264 (Constrained Baseline) (avc1 / 0x31637661), \
yuv420p(tv, smpte170m/smpte170m/bt709, progressive), 320x240, 595 kb/s, 30 fps, 30 tbr, 30 tbn (default)
    Metadata:
      handler_name    : Apple Video Media Handler
  Stream #0:1[0x2](eng): Audio: aac (LC) (mp4a / 0x6134706D), 44100 Hz, stereo, fltp, 256 kb/s (default)
    Metadata:
      handler_name    : Apple Sound Media Handler
At least one output file must be specified
"""
ROTATED = """\
Input #0, mov,mp4,m4a,3gp,3g2,mj2, from 'fd:':
  Duration: 01:02:03.50, start: 0.000000, bitrate: 113 kb/s
  Stream #0:0[0x1](und): Video: h264 (High) (avc1 / 0x31637661), yuv444p(progressive), 320x240 [SAR 1:1 DAR 4:3], \
36 kb/s, 29.97 fps, 29.97 tbr, 10240 tbn (default)
    Side data:
      Display Matrix: rotation of -90.00 degrees
At least one output file must be specified
"""
WIDE_PIXELS = """\
Input #0, mpeg, from 'fd:':
  Duration: 00:00:02.00, start: 0.500000, bitrate: 958 kb/s
  Stream #0:0[0x1e0]: Video: mpeg2video (Main), yuv420p(tv, progressive), 720x576 [SAR 64:45 DAR 16:9], 25 fps, 25 tbr
"""
SONG_WITH_COVER = """\
Input #0, mp3, from 'fd:':
  Duration: 00:00:03.00, start: 0.025056, bitrate: 89 kb/s
  Stream #0:0: Audio: mp3 (mp3float), 44100 Hz, mono, fltp, 64 kb/s, start 0.025057
  Stream #0:1: Video: mjpeg (Baseline), yuvj444p(pc), 320x240 [SAR 1:1 DAR 4:3], 90k tbr, 90k tbn (attached pic)
    Metadata:
      comment         : Other
At least one output file must be specified
"""
HEIC_OF_TILES = """\
Input #0, mov,mp4,m4a,3gp,3g2,mj2, from 'fd:':
  Duration: N/A, start: 0.000000, bitrate: N/A
  Stream group #0:0[0x31]: Tile Grid: hevc (Main Still Picture) (hvc1 / 0x31637668), yuvj420p(pc), 4032x3024 (default)
  Stream #0:48[0x34]: Video: hevc (Rext) (hvc1 / 0x31637668), gray(pc), 2016x1512, 1 fps, 1 tbr, 1 tbn
At least one output file must be specified
"""
PNG_PICTURE = """\
Input #0, png_pipe, from 'fd:':
  Duration: N/A, bitrate: N/A
  Stream #0:0: Video: png, rgb24(pc, gbr/unknown/unknown), 320x240 [SAR 1:1 DAR 4:3], 25 fps, 25 tbr, 25 tbn
At least one output file must be specified
"""
LIVE_RECORDING = """\
Input #0, matroska,webm, from 'fd:':
  Duration: N/A, start: 0.000000, bitrate: N/A
  Stream #0:0: Video: h264 (High), yuv420p(tv, progressive), 320x240 [SAR 1:1 DAR 4:3], 1k fps, 10 tbr, 1k tbn (default)
  Stream #0:1: Audio: none, 44100 Hz, mono
  Stream #0:2: Audio: opus, 48000 Hz, mono, fltp
"""
UNKNOWN_CODECS = """\
Input #0, mov,mp4,m4a,3gp,3g2,mj2, from 'fd:':
  Duration: 00:00:02.00, start: 0.000000, bitrate: 53 kb/s
  Stream #0:0[0x1](und): Video: none (zzzz / 0x7A7A7A7A), 320x240, 10 fps, 10 tbr, 10240 tbn (default)
  Stream #0:1[0x2](und): Subtitle: mov_text (tx3g / 0x67337874), 0 kb/s (default)
"""
WITHOUT_INDEX = """\
[in#0 @ 0x5581df86f840] moov atom not found
[in#0 @ 0x5581df86f500] Error opening input: Invalid data found when processing input
Error opening input file fd:.
Error opening input files: Invalid data found when processing input
"""


@pytest.mark.parametrize(
    ("text", "detected", "found"),
    [
        (
            VIDEO_WITH_SOUND,
            "video",
            MediaInfo("video", "mov,mp4,m4a,3gp,3g2,mj2", 7.8, 320, 240, 30.0, "h264", "aac", 855_000),
        ),
        (
            ROTATED,
            "video",
            MediaInfo("video", "mov,mp4,m4a,3gp,3g2,mj2", 3723.5, 240, 320, 29.97, "h264", None, 113_000),
        ),
        (WIDE_PIXELS, "video", MediaInfo("video", "mpeg", 2.0, 1024, 576, 25.0, "mpeg2video", None, 958_000)),
        (SONG_WITH_COVER, "audio", MediaInfo("audio", "mp3", 3.0, audio_codec="mp3", bit_rate=89_000)),
        (
            HEIC_OF_TILES,
            "image",
            MediaInfo("image", "mov,mp4,m4a,3gp,3g2,mj2", width=4032, height=3024, video_codec="hevc"),
        ),
        (PNG_PICTURE, "image", MediaInfo("image", "png", width=320, height=240, video_codec="png")),
        (
            LIVE_RECORDING,
            "video",
            MediaInfo("video", "matroska,webm", None, 320, 240, 1000.0, "h264", "opus"),
        ),
    ],
    ids=["sound", "rotated", "wide pixels", "cover", "tiles", "still", "live"],
)
def test_parses_ffmpeg_output(text: str, detected: DetectedKind, found: MediaInfo) -> None:
    assert parse(text, detected) == found


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (WITHOUT_INDEX, "not a readable video file: moov atom not found"),
        (UNKNOWN_CODECS, "not a readable video file: no video and no audio that ffmpeg can decode"),
        ("", "not a readable video file: it has no decodable stream"),
    ],
)
def test_unreadable_file_has_a_reason(text: str, why: str) -> None:
    with pytest.raises(PermanentError) as failure:
        parse(text)
    assert (failure.value.code, failure.value.why) == ("unreadable", why)


@pytest.mark.parametrize("line_break", ["\x85", "\u2028", "\x0b", "\r"])
def test_tag_with_a_line_break_is_not_a_stream(line_break: str) -> None:
    forged = f"    title           : x{line_break}  Stream #0:7: Video: h264, yuv420p, 9x9, 1 fps\n"
    assert parse(SONG_WITH_COVER.replace("  Duration", forged + "  Duration", 1)).kind == "audio"


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Build a media file with ffmpeg."""

    def made(name: str, *arguments: str) -> Path:
        path = tmp_path / name
        command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-nostdin", "-y", *arguments, str(path)]
        subprocess.run(command, check=True, timeout=300)
        return path

    return made


def cut(path: Path, share: float = 0.6) -> Path:
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    return path


async def unreadable(path: Path) -> str:
    """Return the reason of an unreadable file, and check that it contains no local path."""
    with pytest.raises(PermanentError) as failure:
        await probe(path)
    assert failure.value.code == "unreadable"
    assert str(path.parent) not in failure.value.why
    assert "0x" not in failure.value.why
    return failure.value.why


async def test_probes_the_sample_files() -> None:
    bottles = await probe(MEDIA / "bottles.mp4")
    assert (bottles.kind, bottles.width, bottles.height, bottles.audio_codec) == ("video", 640, 360, None)
    assert bottles.duration_seconds == pytest.approx(39.85)
    rabbit = await probe(MEDIA / "rabbit.mp4")
    assert (rabbit.kind, rabbit.video_codec, rabbit.audio_codec) == ("video", "h264", "aac")
    jfk = await probe(MEDIA / "jfk.flac")
    assert jfk == MediaInfo("audio", "flac", 11.0, audio_codec="flac", bit_rate=838_000)
    picture = await probe(MEDIA / "bottles.jpg")
    assert (picture.kind, picture.width, picture.height, picture.duration_seconds) == ("image", 640, 360, None)


@pytest.mark.parametrize("name", ["a.png", "a.webp", "a.gif", "a.bmp", "a.tiff", "a.avif", "a.jpg"])
async def test_probes_and_thumbnails_common_image_types(make: Make, tmp_path: Path, name: str) -> None:
    path = make(name, *PICTURE, "-frames:v", "1")
    found = await probe(path)
    assert (found.kind, found.width, found.height, found.frame_rate) == ("image", 320, 240, None)
    (shown,) = await thumbnails(path, found, tmp_path)
    assert (shown.width, shown.height, shown.at_seconds) == (320, 240, None)


@pytest.mark.parametrize(
    ("name", "options"),
    [("a.mov", ()), ("a.mkv", ()), ("a.webm", ("-deadline", "realtime")), ("a.avi", ()), ("a.ts", ()), ("a.flv", ())],
)
async def test_probes_and_thumbnails_common_video_containers(
    make: Make, tmp_path: Path, name: str, options: tuple[str, ...]
) -> None:
    path = make(name, *CLIP, *SONG, "-pix_fmt", "yuv420p", *options)
    found = await probe(path)
    assert (found.kind, found.width, found.height, found.frame_rate) == ("video", 320, 240, 10.0)
    assert found.duration_seconds == pytest.approx(6, abs=0.2)
    assert found.audio_codec
    assert len(await thumbnails(path, found, tmp_path)) >= 3


@pytest.mark.parametrize("name", ["a.mp3", "a.ogg", "a.wav", "a.aac", "a.m4a", "a.opus", "a.wma"])
async def test_probes_common_audio_types(make: Make, name: str) -> None:
    found = await probe(make(name, *SONG))
    assert (found.kind, found.width) == ("audio", None)
    assert found.duration_seconds == pytest.approx(6, abs=0.2)


@pytest.mark.parametrize(
    ("data", "format_"),
    [
        (b"just text", "text/plain"),
        (b"%PDF-1.7", "application/pdf"),
        (b"PK\x03\x04", "application/zip"),
        (b"\x80\x81\x82\0", "application/octet-stream"),
    ],
)
async def test_other_files_are_not_passed_to_ffmpeg(tmp_path: Path, data: bytes, format_: str) -> None:
    path = tmp_path / "object"
    path.write_bytes(data)
    found = await probe(path, FfmpegLimits(executable="/nonexistent/ffmpeg"))
    assert found == MediaInfo("other", format_)
    assert await thumbnails(path, found, tmp_path) == ()


async def test_file_without_bytes_is_empty(tmp_path: Path) -> None:
    path = tmp_path / "empty.mp4"
    path.touch()
    with pytest.raises(PermanentError) as failure:
        await probe(path)
    assert failure.value.code == "empty"


async def test_audio_with_a_cover_picture_is_audio(make: Make, tmp_path: Path) -> None:
    cover = make("cover.jpg", *PICTURE, "-frames:v", "1")
    attached = ("-map", "0", "-map", "1", "-c:v", "copy", "-disposition:v", "attached_pic")
    song = make("song.mp3", *SONG, "-i", str(cover), *attached)
    found = await probe(song)
    assert (found.kind, found.video_codec, found.width) == ("audio", None, None)
    (shown,) = await thumbnails(song, found, tmp_path)
    assert shown.content_type == "image/png"


async def test_rotated_video_has_its_displayed_size_and_upright_thumbnails(make: Make, tmp_path: Path) -> None:
    clip = make("clip.mp4", *CLIP, "-pix_fmt", "yuv420p")
    path = make("rotated.mp4", "-display_rotation", "90", "-i", str(clip), "-c", "copy")
    found = await probe(path)
    assert (found.width, found.height) == (240, 320)
    shown = await probe((await thumbnails(path, found, tmp_path))[0].path)
    assert (shown.width, shown.height) == (240, 320)


async def test_photo_rotated_by_exif_has_its_displayed_size_and_an_upright_thumbnail(
    make: Make, tmp_path: Path
) -> None:
    photo = make("photo.jpg", *PICTURE, "-frames:v", "1")
    orientation_6 = struct.pack("<2sHIHHHIII", b"II", 42, 8, 1, 0x112, 3, 1, 6, 0)
    photo.write_bytes(with_exif(photo.read_bytes(), orientation_6))
    found = await probe(photo)
    assert (found.width, found.height) == (240, 320)
    (shown,) = await thumbnails(photo, found, tmp_path)
    assert (shown.width, shown.height) == (240, 320)
    assert b"Exif" not in shown.path.read_bytes()


def with_exif(jpeg: bytes, exif: bytes) -> bytes:
    return jpeg[:2] + struct.pack(">2sH6s", b"\xff\xe1", len(exif) + 8, b"Exif\0\0") + exif + jpeg[2:]


@pytest.mark.parametrize(
    ("name", "options", "why"),
    [
        ("index-last.mp4", (), "moov atom not found"),
        ("index-first.mp4", ("-movflags", "+faststart"), "the file is truncated"),
        ("fragments.mp4", ("-g", "10", "-movflags", "frag_keyframe+empty_moov"), "the file is truncated"),
        ("a.mkv", (), "File ended prematurely"),
        ("a.avi", (), "the file is truncated"),
    ],
)
async def test_truncated_video_is_unreadable(make: Make, name: str, options: tuple[str, ...], why: str) -> None:
    path = cut(make(name, *CLIP, "-pix_fmt", "yuv420p", *options))
    assert await unreadable(path) == f"not a readable video file: {why}"


async def test_video_without_its_last_frames_is_unreadable(make: Make) -> None:
    path = cut(make("a.mkv", *CLIP, "-pix_fmt", "yuv420p", "-g", "1", "-cluster_time_limit", "200"), 0.97)
    assert await unreadable(path) == "not a readable video file: File ended prematurely"


@pytest.mark.parametrize("name", ["a.m4a", "a.wav", "a.mp3", "a.flac"])
async def test_truncated_audio_is_unreadable(make: Make, name: str) -> None:
    assert (await unreadable(cut(make(name, *SONG)))).startswith("not a readable audio file: ")


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.gif", "a.webp", "a.bmp", "a.tiff", "a.avif"])
async def test_truncated_picture_is_unreadable(make: Make, name: str) -> None:
    path = cut(make(name, *PICTURE, "-frames:v", "1"))
    assert (await unreadable(path)).startswith("not a readable image file: ")


async def test_audio_without_its_second_half_is_unreadable(tmp_path: Path) -> None:
    path = tmp_path / "zeros.flac"
    whole = (MEDIA / "jfk.flac").read_bytes()
    path.write_bytes(whole[: len(whole) // 2].ljust(len(whole), b"\0"))
    assert (await unreadable(path)).startswith("not a readable audio file: ")


async def test_noise_after_a_video_header_is_unreadable(tmp_path: Path) -> None:
    path = tmp_path / "noise.mp4"
    path.write_bytes((MEDIA / "rabbit.mp4").read_bytes()[:32] + os.urandom(100_000))
    assert (await unreadable(path)).startswith("not a readable video file: ")


@pytest.mark.parametrize(
    "harm",
    [
        lambda jpeg: jpeg + b"junk" * 100,
        lambda jpeg: jpeg + jpeg,
        lambda jpeg: jpeg[:-2],
        lambda jpeg: with_exif(jpeg, b"II*\0" + b"\xff" * 40),
    ],
    ids=["junk behind", "second picture behind", "no end mark", "broken EXIF"],
)
async def test_accepts_photo_defects_that_viewers_tolerate(make: Make, harm: Callable[[bytes], bytes]) -> None:
    photo = make("photo.jpg", *PICTURE, "-frames:v", "1")
    photo.write_bytes(harm(photo.read_bytes()))
    assert (await probe(photo)).width == 320


@pytest.mark.parametrize(
    "arguments",
    [
        ("a.mp3", "-f", "lavfi", "-i", "aevalsrc=if(lt(t\\,1)\\,0\\,random(0)):d=20", "-q:a", "0", "-write_xing", "0"),
        ("a.mkv", *CLIP, "-pix_fmt", "yuv420p", "-live", "1"),
        ("a.mp4", *CLIP, "-f", "lavfi", "-i", "sine=d=20", "-pix_fmt", "yuv420p"),
        ("a.mp4", "-f", "lavfi", "-i", "testsrc=s=320x240:r=10:d=20", "-g", "1000", "-pix_fmt", "yuv420p"),
        ("a.mp4", "-f", "lavfi", "-i", "testsrc=s=320x240:r=1/10:d=40", "-pix_fmt", "yuv420p"),
    ],
    ids=["duration is a wrong guess", "no duration", "sound goes on after the picture", "one key frame", "slides"],
)
async def test_accepts_recording_defects_that_players_tolerate(make: Make, arguments: tuple[str, ...]) -> None:
    assert (await probe(make(*arguments))).kind in ("audio", "video")


async def test_rejects_pictures_over_the_pixel_limit_before_decoding(tmp_path: Path) -> None:
    path = tmp_path / "bomb.png"
    path.write_bytes(gray_png(20_000))
    with pytest.raises(PermanentError, match="20000 x 20000 pixels; the limit is 100 megapixels") as failure:
        await probe(path)
    assert failure.value.code == "too_large"


def gray_png(side: int) -> bytes:
    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    rows = zlib.compressobj(9)
    pixels = b"".join(rows.compress(bytes(side + 1)) for _ in range(side)) + rows.flush()
    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


async def test_video_has_four_thumbnails_at_equal_distances(tmp_path: Path) -> None:
    path = MEDIA / "bottles.mp4"
    shown = await thumbnails(path, await probe(path), tmp_path)
    assert [picture.at_seconds for picture in shown] == pytest.approx([4.98, 14.94, 24.91, 34.87], abs=0.01)
    assert {picture.content_type for picture in shown} == {"image/jpeg"}
    assert len({picture.path.read_bytes() for picture in shown}) == 4
    for picture in shown:
        stored = await probe(picture.path)
        assert (stored.format, stored.width, stored.height) == ("jpeg", picture.width, picture.height)


async def test_thumbnail_keeps_the_aspect_ratio(make: Make, tmp_path: Path) -> None:
    path = make("large.png", "-f", "lavfi", "-i", "testsrc=s=2000x1000", "-frames:v", "1")
    (shown,) = await thumbnails(path, await probe(path), tmp_path)
    stored = await probe(shown.path)
    assert (stored.width, stored.height) == (shown.width, shown.height) == (640, 320)


async def test_audio_has_one_waveform(tmp_path: Path) -> None:
    path = MEDIA / "jfk.flac"
    (shown,) = await thumbnails(path, await probe(path), tmp_path)
    stored = await probe(shown.path)
    assert (stored.format, stored.width, stored.height) == ("png", shown.width, shown.height)
    assert (shown.content_type, shown.at_seconds) == ("image/png", None)


async def test_video_with_one_frame_has_one_thumbnail(make: Make, tmp_path: Path) -> None:
    picture = make("picture.png", *PICTURE, "-frames:v", "1")
    still = make("still.mkv", "-i", str(picture), *SONG, "-frames:v", "1", "-pix_fmt", "yuv420p")
    shown = await thumbnails(still, await probe(still), tmp_path)
    assert [picture.at_seconds for picture in shown] == [0.0]


async def test_playlist_with_a_video_extension_is_rejected(tmp_path: Path) -> None:
    path = tmp_path / "video.mp4"
    path.write_text("#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nfile:///etc/hosts\n#EXT-X-ENDLIST\n")
    found = await probe(path, FfmpegLimits(executable="/nonexistent/ffmpeg"))
    assert found.kind == "other"
    with pytest.raises(PermanentError) as failure:
        content_check.check(path, path.name)
    assert failure.value.code == "type_mismatch"


@pytest.mark.parametrize("address", ["file://{folder}/private.ts", "http://127.0.0.1:9/private.ts"])
async def test_playlist_demuxer_opens_no_file_and_no_connection(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    make("private.ts", *CLIP)
    segment = address.format(folder=tmp_path)
    playlist = tmp_path / "video.mp4"
    playlist.write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:6,\n{segment}\n#EXT-X-ENDLIST\n")
    monkeypatch.setattr(ffmpeg_module, "detect", lambda head: ContentType("video/mp4", "video", "hls"))
    assert "not on whitelist 'fd'!" in await unreadable(playlist)


async def test_forged_stream_in_a_tag_does_not_count_as_video(make: Make) -> None:
    forged = "A\n  Stream #0:7: Video: h264, 9x9"
    song = make("song.mka", *SONG, "-metadata", f"{'N' * len(forged)}=x")
    song.write_bytes(song.read_bytes().replace(b"N" * len(forged), forged.encode()))
    assert "matches no streams" in await unreadable(song)


@pytest.fixture
def stub(tmp_path: Path) -> Stub:
    """Build a stub program for ffmpeg, and its limits."""

    def made(script: str, wall_seconds: float = 60.0, cpu_seconds: int = 10) -> FfmpegLimits:
        path = tmp_path / "ffmpeg"
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        return FfmpegLimits(str(path), wall_seconds, cpu_seconds)

    return made


async def test_ffmpeg_runs_with_limits_and_an_empty_environment(stub: Stub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "canary")
    ffmpeg = stub('echo "$(ulimit -t) $(ulimit -v) $(ulimit -f) $(ulimit -c) ${AWS_SECRET_ACCESS_KEY-none}" >&2')
    with pytest.raises(PermanentError, match=r": 10 2097152 0 0 none$"):
        await probe(MEDIA / "rabbit.mp4", ffmpeg)


@pytest.fixture
def hung(tmp_path: Path, stub: Stub) -> Iterator[Hung]:
    """Build a stub that hangs with a child process, and return the process ids of both."""
    pipe = tmp_path / "pids"
    os.mkfifo(pipe)
    reading = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)

    def pids() -> list[int]:
        try:
            return [int(pid) for pid in os.read(reading, 100).split()]
        except BlockingIOError:
            return []

    yield lambda wall_seconds: stub(f'sleep 600 & echo "$$ $!" >{pipe}; wait', wall_seconds), pids
    os.close(reading)


async def eventually(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 10
    while not condition() and time.monotonic() < deadline:
        await asyncio.sleep(0.01)
    return condition()


def is_gone(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


async def test_timeout_kills_ffmpeg_and_its_children_and_is_transient(hung: Hung) -> None:
    ffmpeg, pids = hung
    with pytest.raises(TransientError, match=r"took longer than 0\.5 seconds") as failure:
        await probe(MEDIA / "rabbit.mp4", ffmpeg(0.5))
    assert failure.value.code == "timeout"
    started = pids()
    assert len(started) == 2
    assert await eventually(lambda: all(map(is_gone, started)))


async def test_cancellation_kills_ffmpeg(hung: Hung) -> None:
    ffmpeg, pids = hung
    work = asyncio.create_task(probe(MEDIA / "rabbit.mp4", ffmpeg(60.0)))
    started: list[int] = []

    def running() -> bool:
        started.extend(pids())
        return bool(started)

    assert await eventually(running)
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    assert await eventually(lambda: all(map(is_gone, started)))


async def test_cancellation_during_the_start_kills_ffmpeg_and_its_children(
    hung: Hung, monkeypatch: pytest.MonkeyPatch
) -> None:
    ffmpeg, pids = hung
    create, begun, go_on = asyncio.create_subprocess_exec, asyncio.Event(), asyncio.Event()

    async def slowly(*command: str, **options: Any) -> asyncio.subprocess.Process:
        process = await create(*command, **options)
        begun.set()
        await go_on.wait()
        return process

    monkeypatch.setattr(asyncio, "create_subprocess_exec", slowly)
    work = asyncio.create_task(probe(MEDIA / "rabbit.mp4", ffmpeg(60.0)))
    await begun.wait()
    started: list[int] = []

    def has_started() -> bool:
        started.extend(pids())
        return bool(started)

    assert await eventually(has_started)
    work.cancel()
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await work
    assert await eventually(lambda: all(map(is_gone, started)))


@pytest.mark.parametrize(
    "script",
    ["kill -KILL $$", "kill -TERM $$", "exit 255", "echo pthread_create: Resource temporarily unavailable >&2; exit 1"],
)
async def test_killed_ffmpeg_is_transient(stub: Stub, script: str) -> None:
    with pytest.raises(TransientError) as failure:
        await probe(MEDIA / "rabbit.mp4", stub(script))
    assert failure.value.code == "stopped"


async def test_cpu_time_is_limited(stub: Stub) -> None:
    with pytest.raises(TransientError) as failure:
        await probe(MEDIA / "rabbit.mp4", stub("while :; do :; done", cpu_seconds=1))
    assert failure.value.code == "stopped"


async def test_file_that_crashes_ffmpeg_is_unreadable(stub: Stub) -> None:
    with pytest.raises(PermanentError, match="SIGSEGV") as failure:
        await probe(MEDIA / "rabbit.mp4", stub("kill -SEGV $$"))
    assert failure.value.code == "unreadable"


async def test_file_that_needs_too_much_memory_is_too_large(stub: Stub) -> None:
    with pytest.raises(PermanentError, match="memory") as failure:
        await probe(MEDIA / "rabbit.mp4", stub("echo '[png @ 0x1] Cannot allocate memory' >&2; exit 1"))
    assert failure.value.code == "too_large"


async def test_error_output_is_limited(stub: Stub) -> None:
    with pytest.raises(PermanentError, match="it has no decodable stream"):
        await probe(MEDIA / "rabbit.mp4", stub("head -c 5000000 /dev/zero | tr '\\0' '\\n' >&2; echo too late >&2"))


async def test_long_reason_is_truncated(stub: Stub) -> None:
    with pytest.raises(PermanentError, match=r": x{200}$"):
        await probe(MEDIA / "rabbit.mp4", stub("head -c 5000 /dev/zero | tr '\\0' x >&2"))


@pytest.mark.parametrize("executable", ["/nonexistent/ffmpeg", "/"])
async def test_missing_ffmpeg_is_an_outage_with_a_remedy(executable: str) -> None:
    with pytest.raises(OutageError, match="reinstall imageio-ffmpeg"):
        await probe(MEDIA / "rabbit.mp4", FfmpegLimits(executable))
