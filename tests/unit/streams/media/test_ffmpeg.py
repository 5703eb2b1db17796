"""Tests of how ffmpeg runs: a stub program simulates its failures."""

from __future__ import annotations

import asyncio
import os
import stat
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from headrace.streams.errors import OutageError, PermanentError, TransientError
from headrace.streams.media.inspection.messages import Limits
from headrace.streams.media.probe import probe
from headrace.streams.media.tools import MediaTools
from tests.support.process import is_gone

PICTURE = Path(__file__).parents[4] / "sandbox" / "media" / "bottles.jpg"

Stub = Callable[..., MediaTools]
Hung = tuple[Callable[[float], MediaTools], Callable[[], list[int]]]


@pytest.fixture
def stub(tmp_path: Path) -> Stub:
    """Build a stub program for ffmpeg, and its limits."""

    def made(script: str, wall_seconds: float = 60.0, cpu_seconds: int = 10) -> MediaTools:
        path = tmp_path / "ffmpeg"
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        return MediaTools(Limits(wall_seconds=wall_seconds, cpu_seconds=cpu_seconds), str(path))

    return made


async def test_ffmpeg_runs_with_limits_and_an_empty_environment(stub: Stub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "canary")
    ffmpeg = stub(
        'echo "$(ulimit -t) $(ulimit -v) $(ulimit -n) $(ulimit -f) $(ulimit -c) ${AWS_SECRET_ACCESS_KEY-none}" >&2'
    )
    with pytest.raises(PermanentError, match=r": 10 2097152 16 0 0 none$"):
        await probe(PICTURE, tools=ffmpeg)


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


async def test_timeout_kills_ffmpeg_and_its_children_and_is_permanent(hung: Hung) -> None:
    ffmpeg, pids = hung
    with pytest.raises(PermanentError, match=r"takes longer than 0\.5 s") as failure:
        await probe(PICTURE, tools=ffmpeg(0.5))
    assert failure.value.code == "unsupported_input"
    started = pids()
    assert len(started) == 2
    assert await eventually(lambda: all(map(is_gone, started)))


async def test_cancellation_kills_ffmpeg(hung: Hung) -> None:
    ffmpeg, pids = hung
    work = asyncio.create_task(probe(PICTURE, tools=ffmpeg(60.0)))
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
    work = asyncio.create_task(probe(PICTURE, tools=ffmpeg(60.0)))
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
    ["kill -TERM $$", "kill -INT $$", "exit 255", "exit 245"],
    ids=["SIGTERM", "SIGINT", "signal", "no threads"],
)
async def test_ffmpeg_that_something_else_stops_is_transient(stub: Stub, script: str) -> None:
    with pytest.raises(TransientError) as failure:
        await probe(PICTURE, tools=stub(script))
    assert failure.value.code == "stopped"


async def test_cpu_time_is_limited(stub: Stub) -> None:
    with pytest.raises(PermanentError, match="more than 1 s of CPU time") as failure:
        await probe(PICTURE, tools=stub("while :; do :; done", cpu_seconds=1))
    assert failure.value.code == "unsupported_input"


async def test_cpu_time_of_threads_is_limited(stub: Stub) -> None:
    hashing = "hashlib.pbkdf2_hmac('sha256', b'', b'', 1 << 26)"
    program = f"import hashlib, threading; [threading.Thread(target=lambda: {hashing}).start() for _ in range(4)]"
    with pytest.raises(PermanentError, match="more than 2 s of CPU time"):
        await probe(PICTURE, tools=stub(f'exec {sys.executable} -c "{program}"', cpu_seconds=2))


async def test_words_in_the_errors_are_no_reason_to_try_again(stub: Stub) -> None:
    with pytest.raises(PermanentError):
        await probe(PICTURE, tools=stub("echo Resource temporarily unavailable >&2; exit 1"))


async def test_ffmpeg_that_the_system_kills_is_unsupported_input(stub: Stub) -> None:
    with pytest.raises(PermanentError, match="memory") as failure:
        await probe(PICTURE, tools=stub("kill -KILL $$"))
    assert failure.value.code == "unsupported_input"


async def test_file_that_crashes_ffmpeg_is_unreadable(stub: Stub) -> None:
    with pytest.raises(PermanentError, match="SIGSEGV") as failure:
        await probe(PICTURE, tools=stub("kill -SEGV $$"))
    assert failure.value.code == "unreadable"


@pytest.mark.parametrize("script", ["echo '[png @ 0x1] Cannot allocate memory' >&2; exit 1", "exit 244"])
async def test_file_that_needs_too_much_memory_is_unsupported_input(stub: Stub, script: str) -> None:
    with pytest.raises(PermanentError, match="memory") as failure:
        await probe(PICTURE, tools=stub(script))
    assert failure.value.code == "unsupported_input"


async def test_size_in_the_errors_has_bounded_digits(stub: Stub) -> None:
    with pytest.raises(PermanentError):
        await probe(PICTURE, tools=stub(f"echo 'Picture size {'9' * 5000}x{'9' * 5000} is invalid' >&2; exit 1"))


async def test_error_output_is_limited(stub: Stub) -> None:
    with pytest.raises(PermanentError, match="it cannot be decoded"):
        await probe(PICTURE, tools=stub("head -c 5000000 /dev/zero | tr '\\0' '\\n' >&2; echo too late >&2"))


async def test_long_reason_is_truncated(stub: Stub) -> None:
    with pytest.raises(PermanentError, match=r": x{200}$"):
        await probe(PICTURE, tools=stub("head -c 5000 /dev/zero | tr '\\0' x >&2"))


@pytest.mark.parametrize("executable", ["/nonexistent/ffmpeg", "/"])
async def test_missing_ffmpeg_is_an_outage_with_a_remedy(executable: str) -> None:
    with pytest.raises(OutageError, match="reinstall imageio-ffmpeg"):
        await probe(PICTURE, tools=MediaTools(ffmpeg=executable))
