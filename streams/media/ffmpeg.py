"""Run ffmpeg on untrusted files. The only module that uses imageio-ffmpeg.

ffmpeg reads an open file descriptor with a demuxer chosen by the content, and cannot open files or network connections
(`-protocol_whitelist fd`). It runs with an empty environment and with limits on memory, CPU time and wall time. It
cannot write files; its output is read from a pipe.
"""

from __future__ import annotations

import asyncio
import importlib.util
import os
import resource
import shutil
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from io import FileIO
from pathlib import Path
from typing import NamedTuple

import imageio_ffmpeg

from headrace.streams.errors import OutageError, PermanentError, StageError, TransientError
from headrace.streams.media.file_type import HEAD_BYTES, UNKNOWN, ContentType, detect
from headrace.streams.media.info import MAX_PIXELS
from headrace.streams.media.inspection.client import LARGE_FILE_NICENESS
from headrace.streams.media.inspection.exit_errors import signal_error, too_slow
from headrace.streams.media.tools import MediaTools

MAX_ERROR_BYTES = 64 << 10
MAX_LINE_BYTES = 4 << 10


class MediaSource(NamedTuple):
    """An open file, its detected type, the key of its asset, and the programs that read it."""

    file: FileIO
    type: ContentType
    key: str
    tools: MediaTools


class FfmpegRun(NamedTuple):
    """The result of one ffmpeg run."""

    code: int
    output: bytes
    errors: str


_NO_FFMPEG = "ffmpeg cannot be started: reinstall imageio-ffmpeg, or set IMAGEIO_FFMPEG_EXE to another ffmpeg"
# sh sets the limits and becomes ffmpeg: Python code between fork and exec can deadlock in a process with threads.
# A limit that cannot be set is already lower, or not supported by the system.
# The soft limit of CPU time is the hard one: ffmpeg takes the signal of the soft limit, SIGXCPU, as a request to stop.
_LIMITED = (
    '{ ulimit -t "$1"; ulimit -v "$2"; ulimit -n "$3"; ulimit -f 0; ulimit -c 0; '
    'renice "$4" $$; } >/dev/null 2>&1; shift 4; exec "$@"'
)
_NOT_STARTED = (126, 127)
_STOPPED = 255
"""The exit code of ffmpeg after a signal from outside."""
_NO_THREADS = 256 - 11  # AVERROR(EAGAIN) as an exit code
_NO_MEMORY = 256 - 12  # AVERROR(ENOMEM)


@contextmanager
def open_source(path: Path, key: str, tools: MediaTools) -> Iterator[MediaSource]:
    """Open a file and detect its type. Unbuffered, because every reader moves the shared file position."""
    with path.open("rb", buffering=0) as file:
        head = file.read(HEAD_BYTES)
        if not head:
            raise PermanentError("empty", "the file is empty")
        yield MediaSource(file, detect(head) or UNKNOWN, key, tools)


def with_demuxer(source: MediaSource, format_: str) -> MediaSource:
    """Return the source with the demuxer that read the file before, if its content has an unknown type."""
    if source.type.demuxer:
        return source
    return source._replace(type=ContentType(source.type.mime, source.type.kind, format_.partition(",")[0]))


def find_error(executable: str | None = None) -> str:
    """Return why media cannot be read: no ffmpeg, or no PyAV; empty if there are both."""
    if importlib.util.find_spec("av") is None:
        return "PyAV is not installed: pip install av"
    try:
        return "" if shutil.which(executable or imageio_ffmpeg.get_ffmpeg_exe()) else _NO_FFMPEG
    except RuntimeError:
        return _NO_FFMPEG


async def run(
    source: MediaSource, output: Sequence[str], reading: Sequence[str] = (), lines: Callable[[str], None] | None = None
) -> FfmpegRun:
    """Run ffmpeg on a file within the limits, once a slot is free.

    With `lines`, each line of the output is passed to it, and the result has none: the output may have any length.

    Raises:
        PermanentError: `unsupported_input`: a limit is exceeded; `unreadable`: ffmpeg crashes.
        TransientError: ffmpeg was stopped by a signal from outside, or cannot start its threads.
        OutageError: ffmpeg cannot be started.
        ThrottledError: All slots for media are in use.
    """
    async with source.tools.slots.hold(source.key, os.fstat(source.file.fileno()).st_size) as is_small:
        niceness = 0 if is_small else LARGE_FILE_NICENESS
        return await _run(source, (*reading, "-i", "fd:", *output), niceness, lines)


async def _run(
    source: MediaSource, arguments: Sequence[str], niceness: int, lines: Callable[[str], None] | None
) -> FfmpegRun:
    limits = source.tools.limits
    source.file.seek(0)
    used_before = _cpu_of_ended_children()
    process = await _start(source, arguments, niceness)
    try:
        async with asyncio.timeout(limits.wall_seconds):
            stdout, errors, code = await asyncio.gather(
                _pass_lines(process.stdout, lines) if lines else _read_limited(process.stdout, limits.output_bytes),
                _read_limited(process.stderr, MAX_ERROR_BYTES),
                process.wait(),
            )
    except TimeoutError as error:
        raise too_slow(limits) from error
    finally:
        await _kill(process)
    # Half of it: the kernel checks the limit with sampled times, which differ from the reported ones.
    if code == -signal.SIGKILL and _cpu_of_ended_children() - used_before >= limits.cpu_seconds / 2:
        code = -signal.SIGXCPU
    if failure := _failure(code, source):
        raise failure
    return FfmpegRun(code, stdout, errors.decode(errors="replace"))


def _cpu_of_ended_children() -> float:
    """Return the CPU seconds of all ended child processes. An ffmpeg with threads uses more than the wall time."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


async def _start(source: MediaSource, arguments: Sequence[str], niceness: int) -> asyncio.subprocess.Process:
    """Start ffmpeg. On cancellation, kill it and its children; asyncio kills only the process itself."""
    starting = asyncio.create_task(_spawn(source, arguments, niceness))
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


async def _spawn(source: MediaSource, arguments: Sequence[str], niceness: int) -> asyncio.subprocess.Process:
    limits = source.tools.limits
    bounds = (limits.cpu_seconds, limits.memory_bytes >> 10, limits.open_files, niceness)
    try:
        executable = source.tools.ffmpeg or imageio_ffmpeg.get_ffmpeg_exe()
        return await asyncio.create_subprocess_exec(
            *("/bin/sh", "-c", _LIMITED, "sh", *map(str, bounds), executable),
            *("-nostdin", "-hide_banner", "-v", "error", "-filter_threads", "1"),
            *("-protocol_whitelist", "fd", "-f", source.type.demuxer or "", "-max_pixels", str(MAX_PIXELS)),
            *("-threads", "1", "-dn", "-sn", *arguments),
            stdin=source.file,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={"PATH": os.defpath},
            start_new_session=True,
        )
    except (OSError, RuntimeError) as error:
        raise OutageError(_NO_FFMPEG) from error


def _failure(code: int, source: MediaSource) -> StageError | None:
    """Return the error for an exit code or the negative number of a signal; None if the output decides."""
    if code in _NOT_STARTED:
        return OutageError(_NO_FFMPEG)
    if code in (_STOPPED, _NO_THREADS):
        return TransientError("ffmpeg was stopped by a signal, or cannot start threads", "stopped")
    if code == _NO_MEMORY:
        return PermanentError("unsupported_input", "decoding needs more memory than the limit of one run")
    return signal_error(-code, "ffmpeg", source.tools.limits) if code < 0 else None


async def _read_limited(stream: asyncio.StreamReader | None, limit: int) -> bytes:
    """Read a stream to its end and return the first `limit` bytes."""
    content = bytearray()
    while stream and (chunk := await stream.read(1 << 16)):
        content += chunk[: limit - len(content)]
    return bytes(content)


async def _pass_lines(stream: asyncio.StreamReader | None, lines: Callable[[str], None]) -> bytes:
    """Pass each line of a stream to `lines`, without its end; longer lines than `MAX_LINE_BYTES` are cut into parts."""
    rest = b""
    while stream and (chunk := await stream.read(1 << 16)):
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            lines(line.decode(errors="replace"))
        if len(rest) > MAX_LINE_BYTES:
            lines(rest.decode(errors="replace"))
            rest = b""
    if rest:
        lines(rest.decode(errors="replace"))
    return b""
