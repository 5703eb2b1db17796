"""Running ffmpeg."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from headrace.sandbox.ai.framework import ffmpeg


def test_probes_a_video_with_audio(media: Path) -> None:
    found = ffmpeg.probe(media / "rabbit.mp4")
    assert found.video == ffmpeg.VideoStream("h264", 320, 240, 30.0, full_range=False)
    assert ("mp4" in found.formats, found.duration, found.sample_rate, found.has_captions) == (True, 7.8, 44100, False)


def test_probes_audio(media: Path) -> None:
    found = ffmpeg.probe(media / "jfk.flac")
    assert (found.formats, found.duration, found.video, found.sample_rate) == (("flac",), 11.0, None, 44100)


def test_detects_embedded_captions(media: Path, tmp_path: Path, clip: Callable[..., Path]) -> None:
    (tmp_path / "in.srt").write_text("1\n00:00:00,000 --> 00:00:01,000\nHello.\n")
    inputs = ("-i", str(media / "rabbit.mp4"), "-i", str(tmp_path / "in.srt"))
    assert ffmpeg.probe(clip("with.mp4", *inputs, "-c", "copy", "-c:s", "mov_text")).has_captions


@pytest.mark.parametrize(
    "text",
    [
        "#EXTM3U\n#EXT-X-TARGETDURATION:8\n#EXTINF:8,\nrabbit.mp4\n#EXT-X-ENDLIST\n",
        "ffconcat version 1.0\nfile rabbit.mp4\n",
        "http://127.0.0.1/video.mp4",
        "",
    ],
)
def test_does_not_open_referenced_files(media: Path, tmp_path: Path, text: str) -> None:
    (tmp_path / "rabbit.mp4").write_bytes((media / "rabbit.mp4").read_bytes())
    trap = tmp_path / "media"
    trap.write_text(text)
    with pytest.raises(ffmpeg.NotMediaError):
        ffmpeg.probe(trap)
    with pytest.raises(ffmpeg.NotMediaError):
        ffmpeg.run(trap, "-f", "null", "-")


def test_timeout_is_an_error(media: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ffmpeg, "TIMEOUT_SECONDS", 0.01)
    with pytest.raises(ffmpeg.NotMediaError, match="not done"):
        ffmpeg.run(media / "bottles.mp4", "-f", "null", "-")
