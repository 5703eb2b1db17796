"""Tests of the processes that inspect media: their limits, and what a file can do to them."""

from __future__ import annotations

import asyncio
import signal
import socket
import subprocess
import sys
import time
import wave
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import psutil
import pytest

from headrace.streams.errors import OutageError, PermanentError, StageError, TransientError
from headrace.streams.media.inspection import client, limits, system_calls
from headrace.streams.media.inspection.client import Inspector
from headrace.streams.media.inspection.messages import Answer, Describe, Description, Limits, Stills, Waveform
from headrace.streams.media.slots import MediaSlots

MEDIA = Path(__file__).parents[5] / "sandbox" / "media"
VIDEO = MEDIA / "rabbit.mp4"
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="needs /proc and seccomp")


async def inspect(inspector: Inspector, path: Path = VIDEO) -> Answer:
    with path.open("rb", buffering=0) as file:
        return await inspector.inspect(file, Describe(), str(path))


@pytest.fixture
async def inspector() -> AsyncIterator[Inspector]:
    """An inspector whose limits a test does not reach before its signal, on a busy machine either."""
    inspector = Inspector(MediaSlots(), Limits(cpu_seconds=600, wall_seconds=900, memory_bytes=16 << 30))
    yield inspector
    await asyncio.to_thread(inspector.close)


def server_of(inspector: Inspector) -> psutil.Process:
    assert inspector._server is not None
    return psutil.Process(inspector._server.pid)


async def running_child(inspector: Inspector) -> psutil.Process:
    return await eventually(lambda: server_of(inspector).children() if inspector._server else [])


async def eventually(children: Callable[[], list[psutil.Process]]) -> psutil.Process:
    deadline = time.monotonic() + 60
    while not (running := children()) and time.monotonic() < deadline:
        await asyncio.sleep(0.005)
    return running[0]


@pytest.fixture
def endless(tmp_path: Path) -> Path:
    """A sound of days, in a sparse file."""
    path = tmp_path / "endless.wav"
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
    head = path.read_bytes()[:40]
    with path.open("wb") as file:
        file.write(head + b"\xff\xff\xff\xff")
        file.truncate(1 << 38)
    return path


async def hang(inspector: Inspector, path: Path) -> Answer:
    with path.open("rb", buffering=0) as file:
        return await inspector.inspect(file, Waveform(640, 160, 1e9), str(path))


async def test_describes_a_file(inspector: Inspector) -> None:
    answer = await inspect(inspector)
    assert isinstance(answer, Description)
    assert answer.info.video_codec == "h264"


async def test_inspections_run_side_by_side(inspector: Inspector) -> None:
    answers = await asyncio.gather(*(inspect(inspector) for _ in range(8)))
    assert len(answers) == 8


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGABRT, signal.SIGFPE, signal.SIGBUS])
async def test_file_that_crashes_the_decoder_is_unreadable(
    inspector: Inspector, endless: Path, number: signal.Signals
) -> None:
    error = await end_with(inspector, endless, number)
    assert isinstance(error, PermanentError)
    assert (error.code, number.name in error.why) == ("unreadable", True)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGXCPU, signal.SIGALRM])
async def test_file_that_exceeds_a_limit_is_unsupported_input(
    inspector: Inspector, endless: Path, number: signal.Signals
) -> None:
    error = await end_with(inspector, endless, number)
    assert isinstance(error, PermanentError)
    assert error.code == "unsupported_input"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_signal_from_outside_is_transient(inspector: Inspector, endless: Path, number: signal.Signals) -> None:
    assert isinstance(await end_with(inspector, endless, number), TransientError)


async def end_with(inspector: Inspector, path: Path, number: signal.Signals) -> BaseException:
    """Send a signal to the process of an inspection, and return the error."""
    await inspect(inspector)
    work = asyncio.create_task(hang(inspector, path))
    (await running_child(inspector)).send_signal(number)
    with pytest.raises(StageError) as failure:
        await asyncio.wait_for(work, 60)
    assert isinstance(await inspect(inspector), Description)
    return failure.value


async def test_wall_time_is_limited(endless: Path) -> None:
    inspector = Inspector(MediaSlots(), Limits(wall_seconds=0.3))
    with pytest.raises(PermanentError, match=r"longer than 0\.3 s") as failure:
        await asyncio.wait_for(hang(inspector, endless), 60)
    assert failure.value.code == "unsupported_input"
    await asyncio.to_thread(inspector.close)


async def test_cpu_time_is_limited(endless: Path) -> None:
    inspector = Inspector(MediaSlots(), Limits(cpu_seconds=1))
    with pytest.raises(PermanentError, match="more than 1 s of CPU time") as failure:
        await asyncio.wait_for(hang(inspector, endless), 120)
    assert failure.value.code == "unsupported_input"
    await asyncio.to_thread(inspector.close)


async def test_memory_is_limited(tmp_path: Path) -> None:
    inspector = Inspector(MediaSlots(), Limits(memory_bytes=1 << 29))
    path = tmp_path / "bomb.y4m"
    with path.open("wb") as file:
        file.write(b"YUV4MPEG2 W6000 H6000 F25:1 Ip A1:1 C444p16\nFRAME\n")
        file.truncate(1 << 30)
    with pytest.raises(PermanentError) as failure:
        await inspect(inspector, path)
    assert failure.value.code == "unsupported_input"
    await asyncio.to_thread(inspector.close)


async def test_answer_is_limited() -> None:
    inspector = Inspector(MediaSlots(), Limits(output_bytes=10_000))
    with VIDEO.open("rb", buffering=0) as file, pytest.raises(PermanentError, match="10000 bytes") as failure:
        await inspector.inspect(file, Stills((1.0, 2.0), 640, 480), "key")
    assert failure.value.code == "unsupported_input"
    await asyncio.to_thread(inspector.close)


async def test_cancellation_kills_the_process(inspector: Inspector, endless: Path) -> None:
    await inspect(inspector)
    work = asyncio.create_task(hang(inspector, endless))
    child = await running_child(inspector)
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    await asyncio.to_thread(child.wait, 30)
    assert isinstance(await inspect(inspector), Description)


async def test_server_that_is_killed_is_transient_and_starts_again(inspector: Inspector, endless: Path) -> None:
    await inspect(inspector)
    work = asyncio.create_task(hang(inspector, endless))
    await running_child(inspector)
    server_of(inspector).kill()
    with pytest.raises(TransientError):
        await asyncio.wait_for(work, 60)
    assert inspector._server is not None
    await asyncio.to_thread(inspector._server.wait, 60)  # its sockets are closed before it ends
    assert isinstance(await inspect(inspector), Description)


async def test_server_that_cannot_start_is_an_outage(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "SERVER", "headrace.nothing")
    with pytest.raises(OutageError, match="cannot start"):
        await inspect(Inspector(MediaSlots(), Limits()))


def test_server_ends_with_its_worker() -> None:
    code = f"""
import asyncio, sys
from pathlib import Path
from headrace.streams.media.inspection.client import Inspector
from headrace.streams.media.inspection.messages import Describe, Limits
from headrace.streams.media.slots import MediaSlots
inspector = Inspector(MediaSlots(), Limits())
with Path({str(VIDEO)!r}).open("rb", buffering=0) as file:
    asyncio.run(inspector.inspect(file, Describe(), "key"))
print(inspector._server.pid, flush=True)
sys.stdin.read()
"""
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as worker:
        assert worker.stdout is not None
        server = psutil.Process(int(worker.stdout.readline()))
        worker.kill()
    server.wait(30)


LIMITED = """
import os, resource, signal, socket, sys
from headrace.streams.media.inspection import limits, system_calls
from headrace.streams.media.inspection.messages import Limits
file = open("/dev/zero", "rb", buffering=0)
import errno, json
table = system_calls.call_table()
system_calls.call_table = lambda: None
limits.apply(Limits(cpu_seconds=7, memory_bytes=1 << 30, open_files=20))
names = ("RLIMIT_CPU", "RLIMIT_CORE", "RLIMIT_NOFILE", "RLIMIT_FSIZE")
bounds = {name: resource.getrlimit(getattr(resource, name))[0] for name in names}
if table:
    assert system_calls.forbid_other_calls(table)
found = {}
def attempt(name, call):
    try:
        call()
    except MemoryError:
        found[name] = "memory"
    except OSError as error:
        found[name] = errno.errorcode[error.errno]
    else:
        found[name] = "works"
attempt("read", lambda: file.read(10))
attempt("memory", lambda: bytearray(2 << 30))
attempt("open", lambda: os.open("/etc/hostname", os.O_RDONLY))
attempt("environment of another process", lambda: os.open(f"/proc/{os.getppid()}/environ", os.O_RDONLY))
attempt("network", lambda: socket.socket())
attempt("local socket", lambda: socket.socket(socket.AF_UNIX))
attempt("fork", os.fork)
attempt("program", lambda: os.execv("/bin/true", ["true"]))
attempt("signal", lambda: os.kill(os.getppid(), 0))
attempt("remove", lambda: os.unlink("/tmp/nothing"))
os.write(1, json.dumps([found, bounds]).encode())
os._exit(0)
"""


@LINUX
def test_process_can_only_read_its_file() -> None:
    import json

    done = subprocess.run([sys.executable, "-c", LIMITED], capture_output=True, check=True, timeout=60)
    found, bounds = json.loads(done.stdout)
    assert bounds == {"RLIMIT_CPU": 7, "RLIMIT_CORE": 0, "RLIMIT_NOFILE": 20, "RLIMIT_FSIZE": 0}
    assert found.pop("read") == "works"
    assert found.pop("memory") == "memory"
    if system_calls.call_table() is not None:
        assert found == dict.fromkeys(found, "EPERM")


@LINUX
async def test_process_has_neither_the_environment_nor_the_files_of_the_worker(
    endless: Path, monkeypatch: pytest.MonkeyPatch, inspector: Inspector
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "canary")
    await inspect(inspector)
    held, other = socket.socketpair()
    work = asyncio.create_task(hang(inspector, endless))
    child = await running_child(inspector)
    assert "AWS_SECRET_ACCESS_KEY" not in server_of(inspector).environ()
    limit = time.monotonic() + 30
    while child.num_fds() > 5 and time.monotonic() < limit:
        await asyncio.sleep(0.01)
    assert child.num_fds() <= 5
    held.close()
    other.close()
    work.cancel()
    await asyncio.gather(work, return_exceptions=True)


def test_limits_have_no_effect_where_the_system_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.machine", lambda: "riscv64")
    assert system_calls.call_table() is None
    limits._limit("RLIMIT_UNKNOWN", 1)
