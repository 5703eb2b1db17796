"""Run ffmpeg on untrusted files with a timeout and without network access.

Frames are not rotated unless asked: the services ignore rotation metadata by default.
"""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import imageio_ffmpeg

from headrace.sandbox.ai.framework.errors import UnprocessableMediaError

TIMEOUT_SECONDS = 600.0

# Demuxers that open no other file by themselves: a playlist named .mp4 must not read the disk.
FORMATS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,mp3,wav,flac,ogg,amr,aac,aiff,caf,srt,webvtt,"
    "mpegts,mpeg,mpegvideo,avi,flv,asf,mxf"
)
_GUARDS = ("-hide_banner", "-nostdin", "-nostats", "-protocol_whitelist", "file,pipe", "-format_whitelist", FORMATS)

_INPUT = re.compile(r"^Input #0, (\S+), from", re.MULTILINE)
_DURATION = re.compile(r"^\s*Duration: (\d+):(\d+):([\d.]+)", re.MULTILINE)
# Metadata of the uploader is on lines that begin with its name, so that it cannot look like side data.
_ROTATION = re.compile(r"^\s+displaymatrix: rotation of (-?\d+(?:\.\d+)?) degrees$", re.MULTILINE)
_STREAM = re.compile(r"^\s*Stream #0:\d+\S*: (Video|Audio|Subtitle): (\w+)(.*)$", re.MULTILINE)


class NotMediaError(UnprocessableMediaError):
    """ffmpeg cannot read the file."""


@dataclass(frozen=True, slots=True)
class VideoStream:
    """Size in pixels, rate in frames per second."""

    codec: str
    width: int
    height: int
    rate: float
    full_range: bool


@dataclass(frozen=True, slots=True)
class MediaProbe:
    """Properties of a media file: duration in seconds, rotation in degrees; `sample_rate` is 0 without audio."""

    formats: tuple[str, ...]
    duration: float
    video: VideoStream | None
    sample_rate: int
    has_captions: bool
    rotation: float = 0.0
    audio_codec: str | None = None


@dataclass(frozen=True, slots=True)
class Output:
    """The standard output and the log of ffmpeg."""

    stdout: bytes
    log: str


def run(source: Path, *arguments: str | Path, rotate: bool = False) -> Output:
    """Run ffmpeg on `source`; `rotate` applies its rotation metadata. Raises `NotMediaError` on an error or timeout."""
    done = _run(source, *arguments, rotate=rotate)
    if done.returncode:
        raise NotMediaError(_last_line(done.stderr))
    return Output(done.stdout, done.stderr.decode(errors="replace"))


def probe(source: Path) -> MediaProbe:
    """Return the properties of `source` from its headers. Raises `NotMediaError`."""
    # Without an output file, ffmpeg prints the input and exits with an error; only the text is used.
    done = _run(source)
    text = done.stderr.decode(errors="replace")
    head, streams = _INPUT.search(text), _STREAM.findall(text)
    if head is None or not streams:
        raise NotMediaError(_last_line(done.stderr))
    found = {kind: (codec, rest) for kind, codec, rest in reversed(streams)}
    rate = re.search(r"(\d+) Hz", found["Audio"][1]) if "Audio" in found else None
    return MediaProbe(
        formats=tuple(head[1].split(",")),
        duration=_duration(text),
        video=_video(*found["Video"]) if "Video" in found else None,
        sample_rate=int(rate[1]) if rate else 0,
        has_captions="Subtitle" in found,
        audio_codec=found["Audio"][0] if "Audio" in found else None,
        rotation=float(rotation[1]) if (rotation := _ROTATION.search(text)) else 0.0,
    )


def _run(source: Path, *arguments: str | Path, rotate: bool = False) -> subprocess.CompletedProcess[bytes]:
    command = [_program(), *_GUARDS, *(() if rotate else ("-noautorotate",)), "-i", source, *arguments]
    try:
        return subprocess.run(command, capture_output=True, timeout=TIMEOUT_SECONDS, check=False)
    except subprocess.TimeoutExpired as error:
        raise NotMediaError(f"not done within {TIMEOUT_SECONDS:.0f} seconds") from error


@cache
def _program() -> str:
    return str(imageio_ffmpeg.get_ffmpeg_exe())


def _duration(text: str) -> float:
    found = _DURATION.search(text)
    return int(found[1]) * 3600 + int(found[2]) * 60 + float(found[3]) if found else 0.0


def _video(codec: str, rest: str) -> VideoStream | None:
    size, rate = re.search(r"\b(\d{2,5})x(\d{2,5})\b", rest), re.search(r"([\d.]+) fps", rest)
    if size is None:
        return None
    return VideoStream(codec, int(size[1]), int(size[2]), float(rate[1]) if rate else 0.0, "(pc" in rest)


def _last_line(stderr: bytes) -> str:
    lines = stderr.decode(errors="replace").strip().splitlines()
    return lines[-1].strip()[:200] if lines else "no output"
