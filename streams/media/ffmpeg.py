"""Runs ffmpeg on hostile files: the one door to imageio-ffmpeg's program.

ffmpeg gets a file as an open one, with a demuxer chosen by its content, and may open nothing else, neither files nor
the network (`-protocol_whitelist fd`). It runs without our environment, on bounded memory, processor time and wall
time, and cannot write files: what it makes comes through a pipe.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import NamedTuple

import imageio_ffmpeg

from headrace.streams.errors import OutageError, PermanentError, TransientError
from headrace.streams.media.file_type import HEAD_BYTES, UNKNOWN, ContentType, detect

PICTURE_PIXELS = 100_000_000
OUTPUT_BYTES = 16 << 20
ERROR_BYTES = 64 << 10


@dataclass(frozen=True, slots=True)
class FfmpegLimits:
    """Which ffmpeg, and what one run of it may use; without a path, the one that imageio-ffmpeg brings."""

    executable: str | None = None
    wall_seconds: float = 180.0
    cpu_seconds: int = 120
    memory_bytes: int = 2 << 30


FFMPEG = FfmpegLimits()


class MediaSource(NamedTuple):
    """An open file, what its content says that it is, and the tool that may read it."""

    file: FileIO
    type: ContentType
    ffmpeg: FfmpegLimits


class FfmpegRun(NamedTuple):
    """What came of one run of ffmpeg."""

    code: int
    output: bytes
    errors: str


_NO_FFMPEG = "ffmpeg cannot be started: install imageio-ffmpeg again, or name another one in IMAGEIO_FFMPEG_EXE"
# sh sets the limits and becomes ffmpeg: Python code between fork and exec can deadlock in a process with threads.
# A limit that cannot be set is one that is lower already, or that the system does not have.
_LIMITED = '{ ulimit -t "$1"; ulimit -v "$2"; ulimit -f 0; ulimit -c 0; } 2>/dev/null; shift 2; exec "$@"'
_CRASHES = (signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGILL, signal.SIGFPE)


@contextmanager
def open_source(path: Path, ffmpeg: FfmpegLimits) -> Iterator[MediaSource]:
    """Open a file and look at its type; without a buffer, because each run of ffmpeg moves the same position."""
    with path.open("rb", buffering=0) as file:
        head = file.read(HEAD_BYTES)
        if not head:
            raise PermanentError("empty", "the file has no bytes")
        yield MediaSource(file, detect(head) or UNKNOWN, ffmpeg)


async def run(source: MediaSource, output: Sequence[str] = (), reading: Sequence[str] = ()) -> FfmpegRun:
    """Run ffmpeg on a file to its end, within limits; without output options it only describes the file."""
    source.file.seek(0)
    process = await _begun(source, output, reading)
    try:
        async with asyncio.timeout(source.ffmpeg.wall_seconds):
            made, errors, code = await asyncio.gather(
                _kept(process.stdout, OUTPUT_BYTES), _kept(process.stderr, ERROR_BYTES), process.wait()
            )
    except TimeoutError as error:
        raise TransientError(f"ffmpeg took longer than {source.ffmpeg.wall_seconds:g} seconds", "timeout") from error
    finally:
        await _ended(process)
    run = FfmpegRun(code, made, errors.decode(errors="replace"))
    _raise_for(run)
    return run


async def _begun(source: MediaSource, output: Sequence[str], reading: Sequence[str]) -> asyncio.subprocess.Process:
    """Start ffmpeg. A start that is cancelled ends with its children: asyncio by itself kills the process alone."""
    starting = asyncio.create_task(_started(source, output, reading))
    try:
        return await asyncio.shield(starting)
    except asyncio.CancelledError:
        with suppress(OutageError):
            await _ended(await starting)
        raise


async def _ended(process: asyncio.subprocess.Process) -> None:
    """Kill a process that still runs, with all that it started."""
    if process.returncode is None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()


async def _started(source: MediaSource, output: Sequence[str], reading: Sequence[str]) -> asyncio.subprocess.Process:
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
        raise OutageError(_NO_FFMPEG) from error


def _raise_for(run: FfmpegRun) -> None:
    """Raise for an end that says nothing about the file: sh without ffmpeg (126, 127), a signal (255), no threads."""
    if run.code in (126, 127):
        raise OutageError(_NO_FFMPEG)
    if -run.code in _CRASHES:
        raise PermanentError("unreadable", f"ffmpeg crashes on it ({signal.Signals(-run.code).name})")
    if run.code < 0 or run.code == 255 or "Resource temporarily unavailable" in run.errors:
        raise TransientError("ffmpeg was stopped: it ran out of processor time, memory or threads", "stopped")


async def _kept(stream: asyncio.StreamReader | None, limit: int) -> bytes:
    """Read to the end, and keep the first `limit` bytes."""
    kept = bytearray()
    while stream and (chunk := await stream.read(1 << 16)):
        kept += chunk[: limit - len(kept)]
    return bytes(kept)
