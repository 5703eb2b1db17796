"""Tests of probe and thumbnails with the real decoders."""

from __future__ import annotations

import dataclasses
import os
import struct
import subprocess
import zlib
from collections.abc import Callable
from pathlib import Path

import imageio_ffmpeg
import pytest
from PIL import Image

from headrace.streams.errors import PermanentError
from headrace.streams.media import content_check
from headrace.streams.media.info import MediaInfo
from headrace.streams.media.inspection import container, pictures
from headrace.streams.media.inspection.messages import Stills
from headrace.streams.media.probe import probe
from headrace.streams.media.slots import MediaSlots
from headrace.streams.media.thumbnails import thumbnails
from headrace.streams.media.tools import MediaTools

MEDIA = Path(__file__).parents[4] / "sandbox" / "media"
PICTURE = ("-f", "lavfi", "-i", "testsrc=s=320x240:r=10")
CLIP = ("-f", "lavfi", "-i", "testsrc=s=320x240:r=10:d=6")
SONG = ("-f", "lavfi", "-i", "sine=d=6")

NO_TOOLS = MediaTools(ffmpeg="/nonexistent/ffmpeg", slots=MediaSlots(1))

Make = Callable[..., Path]


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


async def test_video_with_subtitles_is_probed(make: Make, tmp_path: Path) -> None:
    captions = tmp_path / "captions.srt"
    captions.write_text("1\n00:00:00,000 --> 00:00:05,000\nAsk not\n", "utf-8")
    described = await probe(make("clip.mp4", *CLIP, "-i", str(captions), "-c:s", "mov_text"))
    assert (described.kind, described.width) == ("video", 320)


async def test_probes_the_sample_files() -> None:
    bottles = await probe(MEDIA / "bottles.mp4")
    assert (bottles.kind, bottles.width, bottles.height, bottles.audio_codec) == ("video", 640, 360, None)
    assert bottles.duration_seconds == pytest.approx(39.855, abs=0.001)
    rabbit = await probe(MEDIA / "rabbit.mp4")
    assert (rabbit.kind, rabbit.video_codec, rabbit.audio_codec) == ("video", "h264", "aac")
    jfk = await probe(MEDIA / "jfk.flac")
    assert jfk == MediaInfo("audio", "flac", 11.0, audio_codec="flac", bit_rate=838_322)
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
    [(b"just text", "text/plain"), (b"%PDF-1.7", "application/pdf"), (b"PK\x03\x04", "application/zip")],
)
async def test_documents_text_and_archives_are_not_decoded(tmp_path: Path, data: bytes, format_: str) -> None:
    path = tmp_path / "object"
    path.write_bytes(data)
    found = await probe(path, tools=NO_TOOLS)
    assert found == MediaInfo("other", format_)
    assert await thumbnails(path, found, tmp_path, tools=NO_TOOLS) == ()


async def test_unknown_type_is_media_only_if_a_decoder_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "object"
    path.write_bytes(b"\x80\x81\x82\0" * 100)
    assert await probe(path, "data.bin") == MediaInfo("other", "application/octet-stream")
    with pytest.raises(PermanentError) as failure:
        await probe(path, "film.mp4")
    assert failure.value.code == "unreadable"


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
        ("index-last.mp4", (), "the file is truncated"),
        ("index-first.mp4", ("-movflags", "+faststart"), "the file is truncated"),
        ("fragments.mp4", ("-g", "10", "-movflags", "frag_keyframe+empty_moov"), "the file is truncated"),
        ("a.mkv", (), "the file is truncated"),
        ("a.avi", (), "the file is truncated"),
    ],
)
async def test_truncated_video_is_unreadable(make: Make, name: str, options: tuple[str, ...], why: str) -> None:
    path = cut(make(name, *CLIP, "-pix_fmt", "yuv420p", *options))
    assert await unreadable(path) == f"not a readable video file: {why}"


async def test_video_without_its_last_frames_is_unreadable(make: Make) -> None:
    path = cut(make("a.mkv", *CLIP, "-pix_fmt", "yuv420p", "-g", "1", "-cluster_time_limit", "200"), 0.97)
    assert await unreadable(path) == "not a readable video file: the file is truncated"


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
    assert (await unreadable(path)).startswith("not a readable media file: ")


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
    assert [picture.at_seconds for picture in shown] == pytest.approx([0], abs=0.1)


async def test_playlist_with_a_video_extension_is_rejected(tmp_path: Path) -> None:
    path = tmp_path / "video.mp4"
    path.write_text("#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nfile:///etc/hosts\n#EXT-X-ENDLIST\n")
    assert (await probe(path, tools=NO_TOOLS)).kind == "other"
    with pytest.raises(PermanentError) as failure:
        content_check.check(path, path.name)
    assert failure.value.code == "type_mismatch"


async def test_video_with_wide_pixels_has_its_displayed_size(make: Make) -> None:
    found = await probe(make("a.mkv", *CLIP, "-vf", "setsar=4/3", "-pix_fmt", "yuv420p"))
    assert (found.width, found.height) == (427, 240)


async def test_words_of_an_uploader_do_not_describe_a_file(make: Make, tmp_path: Path) -> None:
    found = []
    for number, words in enumerate(FORGED):
        tags = (
            "-metadata",
            f"title={words}",
            "-metadata:s:v:0",
            f"title={words}",
            "-metadata:s:v:0",
            f"comment={words}",
        )
        path = make(f"{number}.mkv", "-f", "lavfi", "-i", "testsrc=d=2:s=64x64:r=5", *tags)
        found.append(await probe(path))
        assert len(await thumbnails(path, found[-1], tmp_path)) == 2
    assert len({dataclasses.replace(each, bit_rate=None) for each in found}) == 1
    assert (found[0].kind, found[0].width, found[0].height) == ("video", 64, 64)


async def test_words_in_the_tags_of_a_song_are_no_stream(make: Make) -> None:
    forged = "A\n  Stream #0:7: Video: h264, 9x9"
    song = make("song.mka", *SONG, "-metadata", f"{'N' * len(forged)}=x")
    song.write_bytes(song.read_bytes().replace(b"N" * len(forged), forged.encode()))
    found = await probe(song)
    assert (found.kind, found.width) == ("audio", None)


FORGED = (
    "",
    "display matrix: rotation of .",
    "display matrix: rotation of -90.00 degrees",
    "(attached pic)",
    "Estimating duration from bitrate",
    "partial file",
    "File ended prematurely",
    "Picture size 99999x99999 is invalid",
    "Cannot allocate memory",
    "Resource temporarily unavailable",
    "Input #0, hls, from",
    "x\u2028  Stream #0:7: Video: h264, 9x9, 1 fps",
    "Duration: 99:99:99.99, start: 0, bitrate: 1 kb/s",
    "\x1b]0;title\x07 [SAR 0:0] \x85",
)
"""Phrases that a parser of ffmpeg's output for people looks for."""


async def test_transport_stream_with_rare_key_frames_is_whole_and_has_four_thumbnails(
    make: Make, tmp_path: Path
) -> None:
    path = make("a.ts", "-f", "lavfi", "-i", "testsrc=s=160x120:r=25:d=40", "-pix_fmt", "yuv420p", "-c:v", "libx264")
    found = await probe(path)
    assert (found.kind, found.width) == ("video", 160)
    shown = await thumbnails(path, found, tmp_path)
    assert [picture.at_seconds for picture in shown] == pytest.approx([5, 15, 25, 35], abs=0.1)
    assert len({picture.path.read_bytes() for picture in shown}) == 4


async def test_transport_stream_with_sound_and_rare_key_frames_has_four_thumbnails(make: Make, tmp_path: Path) -> None:
    sources = ("-f", "lavfi", "-i", "testsrc=s=160x120:r=25:d=40", "-f", "lavfi", "-i", "sine=d=40")
    path = make("a.ts", *sources, "-pix_fmt", "yuv420p", "-c:v", "libx264", "-c:a", "aac")
    assert len(await thumbnails(path, await probe(path), tmp_path)) == 4


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.ts", "a.avi", "a.mpg", "a.flv"])
async def test_video_with_one_key_frame_is_whole(make: Make, tmp_path: Path, name: str) -> None:
    path = make(name, "-f", "lavfi", "-i", "testsrc=s=64x64:r=25:d=12", "-g", "9999", "-pix_fmt", "yuv420p")
    assert len(await thumbnails(path, await probe(path), tmp_path)) == 4


def riff_size(path: Path, change: int) -> None:
    data = bytearray(path.read_bytes())
    data[4:8] = (int.from_bytes(data[4:8], "little") + change).to_bytes(4, "little")
    path.write_bytes(data)


@pytest.mark.parametrize("change", [44, -44, 1_000_000])
async def test_wrong_size_of_a_riff_file_is_tolerated_if_its_data_is_whole(make: Make, change: int) -> None:
    path = make("a.wav", *SONG)
    riff_size(path, change)
    assert (await probe(path)).duration_seconds == pytest.approx(6)


@pytest.mark.parametrize("size", [0, 0x7FFF_FFFF, 0xFFFF_FFFF])
async def test_recording_without_a_data_size_is_whole(make: Make, size: int) -> None:
    path = make("a.wav", *SONG)
    data = bytearray(path.read_bytes())
    at = data.index(b"data") + 4
    data[at : at + 4] = size.to_bytes(4, "little")
    path.write_bytes(data)
    assert (await probe(path)).kind == "audio"


ID3 = b"ID3\x04\0\0\0\0\0\x0a" + b"TIT2" + bytes(6)


@pytest.mark.parametrize(
    ("name", "format_"), [("a.flac", "flac"), ("a.aac", "aac"), ("a.mp3", "mp3"), ("a.ac3", "ac3")]
)
async def test_audio_behind_an_id3_tag_is_whole(make: Make, tmp_path: Path, name: str, format_: str) -> None:
    path = make(name, *SONG)
    path.write_bytes(ID3 + path.read_bytes())
    found = await probe(path, name)
    assert (found.kind, found.format) == ("audio", format_)
    assert len(await thumbnails(path, found, tmp_path)) == 1
    assert content_check.check(path, name).engine


@pytest.mark.parametrize(
    "name", ["a.w64", "a.au", "a.ac3", "a.dts", "a.tta", "a.wv", "a.aiff", "a.caf", "a.voc", "a.ape.mka"]
)
async def test_audio_of_an_unlisted_type_is_read(make: Make, name: str) -> None:
    path = make(name, *SONG, *(("-strict", "-2") if name.endswith("dts") else ()))
    assert (await probe(path, name)).kind == "audio"
    assert content_check.check(path, name).engine


@pytest.mark.parametrize("name", ["a.ivf", "a.nut", "a.y4m", "a.h264", "a.m4v", "a.mxf", "a.mpg", "a.gxf"])
async def test_video_of_an_unlisted_type_is_read(make: Make, name: str) -> None:
    rate = ("-r", "25", "-s", "720x576") if name.endswith("gxf") else ()
    codec = ("-c:v", "libvpx") if name.endswith("ivf") else ()
    path = make(name, "-f", "lavfi", "-i", "testsrc=s=320x240:r=25:d=2", "-pix_fmt", "yuv420p", *rate, *codec)
    assert (await probe(path, name)).kind == "video"
    assert content_check.check(path, name).engine


@pytest.mark.parametrize("name", ["a.ppm", "a.pgm", "a.qoi", "a.pcx", "a.dpx", "a.sgi", "a.exr"])
async def test_picture_of_an_unlisted_type_is_read(make: Make, tmp_path: Path, name: str) -> None:
    path = make(name, *PICTURE, "-frames:v", "1")
    found = await probe(path, name)
    assert (found.kind, found.width, found.height) == ("image", 320, 240)
    assert len(await thumbnails(path, found, tmp_path)) == 1
    assert content_check.check(path, name).engine


async def test_icon_is_read(make: Make, tmp_path: Path) -> None:
    path = make("a.ico", "-f", "lavfi", "-i", "testsrc=s=64x64", "-frames:v", "1")
    found = await probe(path, "a.ico")
    assert (found.kind, found.width, found.height) == ("image", 64, 64)
    assert len(await thumbnails(path, found, tmp_path)) == 1


async def test_video_that_is_expensive_to_decode_has_thumbnails(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = make("a.mp4", "-f", "lavfi", "-i", "testsrc=s=64x64:r=25:d=12", "-g", "9999", "-pix_fmt", "yuv420p")
    monkeypatch.setattr(pictures, "STILL_CPU_SECONDS", 0.0)
    with path.open("rb", buffering=0) as file, container.opened(file) as media:
        shown = pictures.stills(media, Stills((1.0, 9.0), 64, 64))
    assert [still.at for still in shown] == [1.0, 9.0]


async def test_bw64_is_wave(make: Make) -> None:
    path = make("a.wav", *SONG, "-rf64", "always")
    path.write_bytes(path.read_bytes().replace(b"RF64", b"BW64", 1))
    assert content_check.check(path, path.name).content_type == "audio/wav"
    assert (await probe(path)).duration_seconds == pytest.approx(6)


@pytest.mark.parametrize("name", ["a.png", "a.webp", "a.gif", "a.tiff"])
async def test_transparent_picture_is_on_white(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    picture = Image.new("RGBA", (64, 64), (255, 0, 0, 0))
    picture.paste((0, 0, 255, 255), (32, 0, 64, 64))
    picture.save(path, None, lossless=True)
    (shown,) = await thumbnails(path, await probe(path), tmp_path)
    with Image.open(shown.path) as thumbnail:
        assert thumbnail.getpixel((8, 32)) == pytest.approx((255, 255, 255), abs=8)
        assert thumbnail.getpixel((56, 32)) == pytest.approx((0, 0, 255), abs=16)


async def test_thumbnail_shows_the_colours_of_the_video(make: Make, tmp_path: Path) -> None:
    path = make("a.mp4", "-f", "lavfi", "-i", "color=0x2060c0:s=64x64:d=2", "-pix_fmt", "yuv420p")
    (shown, _) = await thumbnails(path, await probe(path), tmp_path)
    with Image.open(shown.path) as picture:
        colour = picture.convert("RGB").getpixel((32, 32))
    assert colour == pytest.approx((0x20, 0x60, 0xC0), abs=6)


@pytest.mark.parametrize("degrees", [90, 180, 270])
async def test_turned_video_has_upright_thumbnails(make: Make, tmp_path: Path, degrees: int) -> None:
    half = "color=white:s=64x64:d=2,drawbox=w=64:h=32:c=black:t=fill"
    clip = make("clip.mp4", "-f", "lavfi", "-i", half, "-pix_fmt", "yuv420p")
    path = make("a.mp4", "-display_rotation", str(degrees), "-i", str(clip), "-c", "copy")
    (shown, _) = await thumbnails(path, await probe(path), tmp_path)
    expected = make("expected.png", "-i", str(path), "-frames:v", "1")
    with Image.open(shown.path) as picture, Image.open(expected) as reference:
        for corner in ((16, 16), (48, 16), (16, 48), (48, 48)):
            level = picture.convert("L").getpixel(corner)
            assert level == pytest.approx(reference.convert("L").getpixel(corner), abs=20)
