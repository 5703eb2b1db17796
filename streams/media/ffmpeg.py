"""Run ffmpeg on untrusted files. The only module that uses imageio-ffmpeg.

ffmpeg reads an open file descriptor with a demuxer chosen by the content, and cannot open files or network connections
(`-protocol_whitelist fd`). It runs with an empty environment and with limits on memory, CPU time and wall time. It
cannot write files; its output is read from a pipe.
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

MAX_PIXELS = 100_000_000
MAX_OUTPUT_BYTES = 16 << 20
MAX_ERROR_BYTES = 64 << 10


@dataclass(frozen=True, slots=True)
class FfmpegLimits:
    """The ffmpeg executable and the limits of one run. Without a path, the one of imageio-ffmpeg is used."""

    executable: str | None = None
    wall_seconds: float = 180.0
    cpu_seconds: int = 120
    memory_bytes: int = 2 << 30


FFMPEG = FfmpegLimits()


class MediaSource(NamedTuple):
    """An open file, its detected type, and the ffmpeg that reads it."""

    file: FileIO
    type: ContentType
    ffmpeg: FfmpegLimits


class FfmpegRun(NamedTuple):
    """The result of one ffmpeg run."""

    code: int
    output: bytes
    errors: str


_NO_FFMPEG = "ffmpeg cannot be started: reinstall imageio-ffmpeg, or set IMAGEIO_FFMPEG_EXE to another ffmpeg"
# sh sets the limits and becomes ffmpeg: Python code between fork and exec can deadlock in a process with threads.
# A limit that cannot be set is already lower, or not supported by the system.
_LIMITED = '{ ulimit -t "$1"; ulimit -v "$2"; ulimit -f 0; ulimit -c 0; } 2>/dev/null; shift 2; exec "$@"'
_CRASHES = (signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGILL, signal.SIGFPE)


@contextmanager
def open_source(path: Path, ffmpeg: FfmpegLimits) -> Iterator[MediaSource]:
    """Open a file and detect its type. Unbuffered, because every ffmpeg run moves the shared file position."""
    with path.open("rb", buffering=0) as file:
        head = file.read(HEAD_BYTES)
        if not head:
            raise PermanentError("empty", "the file is empty")
        yield MediaSource(file, detect(head) or UNKNOWN, ffmpeg)


async def run(source: MediaSource, output: Sequence[str] = (), reading: Sequence[str] = ()) -> FfmpegRun:
    """Run ffmpeg on a file within the limits; without output options it only describes the file."""
    source.file.seek(0)
    process = await _start(source, output, reading)
    try:
        async with asyncio.timeout(source.ffmpeg.wall_seconds):
            stdout, errors, code = await asyncio.gather(
                _read_limited(process.stdout, MAX_OUTPUT_BYTES),
                _read_limited(process.stderr, MAX_ERROR_BYTES),
                process.wait(),
            )
    except TimeoutError as error:
        raise TransientError(f"ffmpeg took longer than {source.ffmpeg.wall_seconds:g} seconds", "timeout") from error
    finally:
        await _kill(process)
    run = FfmpegRun(code, stdout, errors.decode(errors="replace"))
    _raise_for(run)
    return run


async def _start(source: MediaSource, output: Sequence[str], reading: Sequence[str]) -> asyncio.subprocess.Process:
    """Start ffmpeg. On cancellation, kill it and its children; asyncio kills only the process itself."""
    starting = asyncio.create_task(_spawn(source, output, reading))
    try:
        return await asyncio.shield(starting)
    except asyncio.CancelledError:
        with suppress(OutageError):
            await _kill(await starting)
        raise


async def _kill(process: asyncio.subprocess.Process) -> None:
    """Kill a running process and its process group."""
    if process.returncode is None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()


async def _spawn(source: MediaSource, output: Sequence[str], reading: Sequence[str]) -> asyncio.subprocess.Process:
    ffmpeg = source.ffmpeg
    try:
        executable = ffmpeg.executable or imageio_ffmpeg.get_ffmpeg_exe()
        return await asyncio.create_subprocess_exec(
            *("/bin/sh", "-c", _LIMITED, "sh", str(ffmpeg.cpu_seconds), str(ffmpeg.memory_bytes >> 10), executable),
            *("-nostdin", "-hide_banner", "-v", "error" if output else "info", "-filter_threads", "1"),
            *("-protocol_whitelist", "fd", "-f", source.type.demuxer or "", "-max_pixels", str(MAX_PIXELS)),
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
    """Raise for an exit that is not caused by the file: no ffmpeg (126, 127), a signal (255), no threads."""
    if run.code in (126, 127):
        raise OutageError(_NO_FFMPEG)
    if -run.code in _CRASHES:
        raise PermanentError("unreadable", f"ffmpeg crashes on it ({signal.Signals(-run.code).name})")
    if run.code < 0 or run.code == 255 or "Resource temporarily unavailable" in run.errors:
        raise TransientError("ffmpeg was stopped: out of CPU time, memory or threads", "stopped")


async def _read_limited(stream: asyncio.StreamReader | None, limit: int) -> bytes:
    """Read a stream to its end and return the first `limit` bytes."""
    content = bytearray()
    while stream and (chunk := await stream.read(1 << 16)):
        content += chunk[: limit - len(content)]
    return bytes(content)
