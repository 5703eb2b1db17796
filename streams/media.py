"""The one door to ffmpeg: what a media file is, whether it can be read, and pictures of it.

Every file is taken for hostile. ffmpeg gets it as an open file, with a demuxer chosen by its content, and may open
nothing else, neither files nor the network (`-protocol_whitelist fd`). It runs without our environment, on bounded
memory, processor time and wall time, and cannot write files: what it makes comes through a pipe.
"""

from __future__ import annotations

import asyncio
import os
import re
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from io import FileIO
from pathlib import Path
from typing import Literal, NamedTuple

import imageio_ffmpeg

from streams import content
from streams.failures import Outage, Transient, Unprocessable

Kind = Literal["image", "video", "audio", "other"]

PICTURE_PIXELS = 100_000_000
THUMBNAIL_SIDE = 640
VIDEO_THUMBNAILS = 4
WAVEFORM_SIZE = (640, 160)
WAVEFORM_SECONDS = 4 * 3600
HEAD_SECONDS = 4.0
TAIL_SECONDS = 3.0
BOXES = 200_000
OUTPUT_BYTES = 16 << 20
ERROR_BYTES = 64 << 10


@dataclass(frozen=True, slots=True)
class Probe:
    """The technical metadata of a file; width and height in pixels as displayed, bit rate in bits a second."""

    kind: Kind
    format: str
    duration_seconds: float | None = None
    width: int | None = None
    height: int | None = None
    frame_rate: float | None = None
    video_codec: str | None = None
    audio_codec: str | None = None
    bit_rate: int | None = None


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """A picture of a file; `at_seconds` is the moment of a video that it shows."""

    path: Path
    width: int
    height: int
    at_seconds: float | None
    content_type: str


@dataclass(frozen=True, slots=True)
class Ffmpeg:
    """Which ffmpeg, and what one run of it may use; without a path, the one that imageio-ffmpeg brings."""

    executable: str | None = None
    wall_seconds: float = 180.0
    cpu_seconds: int = 120
    memory_bytes: int = 2 << 30


FFMPEG = Ffmpeg()


class _Source(NamedTuple):
    """An open file, what its content says that it is, and the tool that may read it."""

    file: FileIO
    type: content.ContentType
    ffmpeg: Ffmpeg


class _Run(NamedTuple):
    code: int
    output: bytes
    errors: str


async def probe(path: Path, ffmpeg: Ffmpeg = FFMPEG) -> Probe:
    """Describe a file, and decode its start and its end to be sure that it can be read.

    A file whose content is no media is of kind `other`, and ffmpeg never sees it. Raises `Unprocessable` (`empty`,
    `unreadable`, `too_large`), `Transient` for a run that was stopped or took too long, `Outage` without ffmpeg.
    """
    with _opened(path, ffmpeg) as source:
        if source.type.demuxer is None:
            return Probe("other", source.type.mime)
        described = (await _run(source)).errors
        found = parse(described, source.type.kind)
        if found.width and found.height and found.width * found.height > PICTURE_PIXELS:
            raise _too_large(found.width, found.height)
        if _is_cut_off(source):
            raise _unreadable(found.kind, "the file is cut off")
        if found.kind == "image":
            return await _decoded_still(source, found)
        # A duration that is a guess from the bit rate says nothing about where the file has to end.
        length = 0.0 if "Estimating duration" in described else found.duration_seconds or 0.0
        await _decode(source, found, 0.0, min(length, HEAD_SECONDS))
        if length > HEAD_SECONDS:
            await _decode(source, found, max(HEAD_SECONDS, length - TAIL_SECONDS), length)
        return found


async def thumbnails(path: Path, found: Probe, folder: Path, ffmpeg: Ffmpeg = FFMPEG) -> tuple[Thumbnail, ...]:
    """Put pictures of a probed file into a folder, with no side over 640 pixels.

    An image gives one, a video up to four spread over its time, sound its waveform, anything else none.
    Raises as `probe` does.
    """
    if found.kind == "other":
        return ()
    with _opened(path, ffmpeg) as source:
        if found.kind == "audio":
            return (await _waveform(source, folder / "0.png"),)
        made = [await _still(source, found, folder / f"{n}.jpg", at) for n, at in enumerate(_moments(found))]
        # The only frame of a slide show can be over before the first moment that was looked at.
        if not any(made):
            made = [await _still(source, found, folder / "0.jpg")]
        return tuple(picture for picture in made if picture)


_STREAM = re.compile(
    r"^  Stream (?:group )?#0:\d+.*?: (?P<kind>Video|Audio|Tile Grid): (?P<codec>\w+)(?P<rest>.*(?:\n    .*)*)",
    re.MULTILINE,
)
_SIZE = re.compile(r", (\d+)x(\d+)(?:,? \[?SAR (\d+):(\d+))?")
_DURATION = re.compile(r"^  Duration: (\d+):(\d+):([\d.]+),", re.MULTILINE)
_BIT_RATE = re.compile(r"^  Duration: .*, bitrate: (\d+) kb/s", re.MULTILINE)
_FRAME_RATE = re.compile(r", ([\d.]+)(k?) fps")
_ROTATION = re.compile(r"display ?matrix: rotation of (-?[\d.]+)", re.IGNORECASE)


def parse(text: str, sniffed: content.Kind = "video") -> Probe:
    """Read what `ffmpeg -i` prints about a file whose first bytes are of the sniffed kind.

    A cover picture is not video. Raises `Unprocessable("unreadable")` when ffmpeg could not open the file, and when
    it holds nothing that can be seen or heard.
    """
    opened = re.search(r"^Input #0, (\S+), from", text, re.MULTILINE)
    if not opened:
        raise _unreadable(sniffed, text)
    streams = [s for s in _STREAM.finditer(text) if s["codec"] != "none" and "(attached pic)" not in s["rest"]]
    picture = next((s for s in streams if s["kind"] != "Audio"), None)
    sound = next((s for s in streams if s["kind"] == "Audio"), None)
    if not (picture or sound):
        raise _unreadable(sniffed, "no picture and no sound that ffmpeg can decode")
    width, height = _displayed(picture["rest"]) if picture else (None, None)
    still = sniffed == "image"
    return Probe(
        kind="image" if still else "video" if picture else "audio",
        format=opened[1].removesuffix("_pipe"),
        duration_seconds=None if still else _duration(text),
        width=width,
        height=height,
        frame_rate=_frame_rate(picture["rest"]) if picture and not still else None,
        video_codec=picture["codec"] if picture else None,
        audio_codec=sound["codec"] if sound else None,
        bit_rate=int(rate[1]) * 1000 if not still and (rate := _BIT_RATE.search(text)) else None,
    )


def _duration(text: str) -> float | None:
    found = _DURATION.search(text)
    return int(found[1]) * 3600 + int(found[2]) * 60 + float(found[3]) if found else None


def _frame_rate(stream: str) -> float | None:
    found = _FRAME_RATE.search(stream)
    return float(found[1]) * (1000 if found[2] else 1) if found else None


def _displayed(stream: str) -> tuple[int | None, int | None]:
    """Turn the stored size into the displayed one: pixels made square, and the picture rotated."""
    size = _SIZE.search(stream)
    if not size:
        return None, None
    width, height = int(size[1]), int(size[2])
    if size[3] and int(size[3]) and int(size[4]):
        width = round(width * int(size[3]) / int(size[4]))
    rotation = _ROTATION.search(stream)
    lies = rotation and 45 < abs(float(rotation[1])) % 180 < 135
    return (height, width) if lies else (width, height)


_NOISE = re.compile(
    "Opening '|Error opening input file|Error (submitting|processing) packet|Decod(e|ing) error|EXIF|"
    "Task finished|Terminating thread|Nothing was written|Could not open encoder|Cannot determine format|"
    "Last message repeated|Consider increasing"
)
_LOST = re.compile("partial file|File ended prematurely|LZW decode failed")


def _unreadable(kind: str, errors: str) -> Unprocessable:
    """Say why in the first line of ffmpeg's that tells something, without its names and addresses of parts."""
    if size := re.search(r"Picture size (\d+)x(\d+) is invalid", errors):
        return _too_large(int(size[1]), int(size[2]))
    if "Cannot allocate memory" in errors:
        return Unprocessable("too_large", "decoding it takes more memory than one run may use")
    lines = [re.sub(r"^(\[[^\]]*\] ?)*(Error opening input: )?", "", line).strip() for line in errors.split("\n")]
    reason = next((line for line in lines if line and not _NOISE.search(line)), "nothing in it can be decoded")
    return Unprocessable("unreadable", f"not a readable {kind} file: {reason[:200]}")


def _too_large(width: int, height: int) -> Unprocessable:
    limit = PICTURE_PIXELS // 1_000_000
    return Unprocessable("too_large", f"a picture of {width} x {height} pixels; the limit is {limit} megapixels")


def _is_cut_off(source: _Source) -> bool:
    """Say whether a part of an MP4, QuickTime or RIFF file is declared to end behind the end of the file.

    Source: ISO/IEC 14496-12, 4.2 (boxes). A RIFF size of 2 GB is what a recorder writes that cannot go back.
    """
    file = source.file.fileno()
    end = os.fstat(file).st_size
    head = os.pread(file, 8, 0)
    if head.startswith(b"RIFF"):
        return end < int.from_bytes(head[4:], "little") < 0x7FFF_0000
    at = 0
    for _ in range(BOXES if source.type.demuxer == "mov" else 0):
        box = os.pread(file, 16, at)
        size = int.from_bytes(box[:4])
        size = int.from_bytes(box[8:]) if size == 1 else size
        if box[4:8] in (b"moov", b"moof", b"mdat") and at + size > end:
            return True
        if size < 8 or at + size >= end:
            return False
        at += size
    return False


async def _decoded_still(source: _Source, found: Probe) -> Probe:
    """Decode one picture; its size is that of what comes out, since EXIF can turn it."""
    # The JPEG decoder fills in for what is missing, unless told not to; the TIFF one stops at unknown tags then.
    strict = ("-err_detect", "explode") if source.type.mime == "image/jpeg" else ()
    run = await _run(source, ("-frames:v", "1", "-f", "framecrc", "-"), strict)
    size = re.search(rb"^#dimensions 0: (\d+)x(\d+)$", run.output, re.MULTILINE)
    if run.code or not size or _LOST.search(run.errors):
        raise _unreadable("image", run.errors)
    return replace(found, width=int(size[1]), height=int(size[2]))


async def _decode(source: _Source, found: Probe, start: float, end: float) -> None:
    """Decode some seconds of video or sound that should go on until `end`, and forgive what a player would.

    It is broken when ffmpeg gives up (by default, when two of three packets are bad), when nothing comes out, when
    the container ends too early, or when it stops short of `end`: with errors, or in mere sound, since pictures may
    be over before the subtitles are. Decoding begins at the key frame before `start`, so that a video with few
    frames is not taken for one that ends there.
    """
    streams = (*(("-map", "0:V:0") if found.video_codec else ()), *(("-map", "0:a:0") if found.audio_codec else ()))
    seek = ("-ss", f"{start:.3f}", "-noaccurate_seek") if start else ()
    run = await _run(
        source,
        (*streams, "-progress", "pipe:1", "-nostats", "-f", "null", "-"),
        (*seek, "-t", str(TAIL_SECONDS if start else HEAD_SECONDS)),
    )
    times = re.findall(rb"^out_time_us=(-?\d+)$", run.output, re.MULTILINE)
    short = not times or start + int(times[-1]) / 1e6 < end - 1
    fatal = run.code or not times or _LOST.search(run.errors)
    if fatal or (short and (run.errors or found.kind == "audio")):
        raise _unreadable(found.kind, run.errors or f"it ends before second {end:.0f}")


def _moments(found: Probe) -> list[float | None]:
    """Give the middles of equal parts of a video's time, fewer for a short one; None is a file's first picture."""
    if found.kind == "image" or not found.duration_seconds:
        return [None]
    parts = max(1, min(VIDEO_THUMBNAILS, int(found.duration_seconds)))
    return [round(found.duration_seconds * (part + 0.5) / parts, 3) for part in range(parts)]


async def _still(source: _Source, found: Probe, path: Path, at: float | None = None) -> Thumbnail | None:
    """Write the picture of a moment; None where the video shows nothing then."""
    width, height = found.width or THUMBNAIL_SIDE, found.height or THUMBNAIL_SIDE
    scale = min(1.0, THUMBNAIL_SIDE / max(width, height))
    width, height = max(1, round(width * scale)), max(1, round(height * scale))
    # -s and not a filter: HEIC pictures are put together from tiles, which takes the place of filters.
    drawn = ("-frames:v", "1", "-s", f"{width}x{height}", "-pix_fmt", "yuvj420p", "-c:v", "mjpeg", "-q:v", "4")
    stream = ("-map", "0:V:0") if found.kind == "video" else ()
    run = await _run(source, (*stream, *drawn, *_TO_PIPE), () if at is None else ("-ss", f"{at:.3f}"))
    if not run.output:
        return None
    path.write_bytes(run.output)
    moment = (at or 0.0) if found.kind == "video" else None
    return Thumbnail(path, width, height, moment, "image/jpeg")


async def _waveform(source: _Source, path: Path) -> Thumbnail:
    """Draw loudness over time; resampled first, because the filter keeps all samples in memory."""
    width, height = WAVEFORM_SIZE
    drawn = f"[0:a:0]aformat=channel_layouts=mono,aresample=8000,showwavespic=s={width}x{height}:colors=#2f6f9f"
    picture = ("-filter_complex", drawn, "-frames:v", "1", "-c:v", "png", *_TO_PIPE)
    run = await _run(source, picture, ("-t", str(WAVEFORM_SECONDS)))
    if run.code or not run.output:
        raise _unreadable("audio", run.errors)
    path.write_bytes(run.output)
    return Thumbnail(path, width, height, None, "image/png")


_TO_PIPE = ("-threads", "1", "-f", "image2pipe", "-")
_NO_FFMPEG = "ffmpeg cannot be started: install imageio-ffmpeg again, or name another one in IMAGEIO_FFMPEG_EXE"
# sh sets the limits and becomes ffmpeg: Python code between fork and exec can deadlock in a process with threads.
# A limit that cannot be set is one that is lower already, or that the system does not have.
_LIMITED = '{ ulimit -t "$1"; ulimit -v "$2"; ulimit -f 0; ulimit -c 0; } 2>/dev/null; shift 2; exec "$@"'
_CRASHES = (signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGILL, signal.SIGFPE)


@contextmanager
def _opened(path: Path, ffmpeg: Ffmpeg) -> Iterator[_Source]:
    """Open a file and look at its type; without a buffer, because each run of ffmpeg moves the same position."""
    with path.open("rb", buffering=0) as file:
        head = file.read(content.HEAD_BYTES)
        if not head:
            raise Unprocessable("empty", "the file has no bytes")
        yield _Source(file, content.sniff(head) or content.UNKNOWN, ffmpeg)


async def _run(source: _Source, output: Sequence[str] = (), reading: Sequence[str] = ()) -> _Run:
    """Run ffmpeg on a file to its end, within limits; without output options it only describes the file."""
    source.file.seek(0)
    process = await _started(source, output, reading)
    try:
        async with asyncio.timeout(source.ffmpeg.wall_seconds):
            made, errors, code = await asyncio.gather(
                _kept(process.stdout, OUTPUT_BYTES), _kept(process.stderr, ERROR_BYTES), process.wait()
            )
    except TimeoutError as error:
        raise Transient(f"ffmpeg took longer than {source.ffmpeg.wall_seconds:g} seconds", "timeout") from error
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
    run = _Run(code, made, errors.decode(errors="replace"))
    _raise_for(run)
    return run


async def _started(source: _Source, output: Sequence[str], reading: Sequence[str]) -> asyncio.subprocess.Process:
    ffmpeg = source.ffmpeg
    try:
        executable = ffmpeg.executable or imageio_ffmpeg.get_ffmpeg_exe()
        return await asyncio.create_subprocess_exec(
            *("/bin/sh", "-c", _LIMITED, "sh", str(ffmpeg.cpu_seconds), str(ffmpeg.memory_bytes >> 10), executable),
            *("-nostdin", "-hide_banner", "-v", "error" if output else "info", "-filter_threads", "1"),
            *("-protocol_whitelist", "fd", "-f", source.type.demuxer or "", "-max_pixels", str(PICTURE_PIXELS)),
            *("-threads", "1", "-dn", "-sn", *reading, "-i", "fd:", *output),
            stdin=source.file,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={"PATH": os.defpath},
            start_new_session=True,
        )
    except (OSError, RuntimeError) as error:
        raise Outage(_NO_FFMPEG) from error


def _raise_for(run: _Run) -> None:
    """Raise for an end that says nothing about the file: sh without ffmpeg (126, 127), a signal (255), no threads."""
    if run.code in (126, 127):
        raise Outage(_NO_FFMPEG)
    if -run.code in _CRASHES:
        raise Unprocessable("unreadable", f"ffmpeg crashes on it ({signal.Signals(-run.code).name})")
    if run.code < 0 or run.code == 255 or "Resource temporarily unavailable" in run.errors:
        raise Transient("ffmpeg was stopped: it ran out of processor time, memory or threads", "stopped")


async def _kept(stream: asyncio.StreamReader | None, limit: int) -> bytes:
    """Read to the end, and keep the first `limit` bytes."""
    kept = bytearray()
    while stream and (chunk := await stream.read(1 << 16)):
        kept += chunk[: limit - len(kept)]
    return bytes(kept)
