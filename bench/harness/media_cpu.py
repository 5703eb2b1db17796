"""The CPU time of the stages that read files locally, without Kafka and without S3."""

from __future__ import annotations

import asyncio
import resource
import statistics
import tempfile
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

import psutil
from msgspec.structs import replace

from bench.sampling import run_ffmpeg
from headrace.sandbox.demo.samples import letter
from headrace.schemas.records import Asset, MediaReady
from headrace.streams.media.info import MediaInfo
from headrace.streams.media.probe import probe
from headrace.streams.media.quality import measure as measure_quality
from headrace.streams.media.redacted_proxy import Redaction, redacted_media
from headrace.streams.media.redacted_speech import SilentRange
from headrace.streams.media.sampling import sample
from headrace.streams.media.scanner import ContentScanner
from headrace.streams.media.thumbnails import thumbnails

MEDIA = Path(__file__).parents[2] / "sandbox" / "media"
REPETITIONS = 3
SECONDS = 60.0
"""The length of the video and the sound; the files of the sandbox are looped."""
IMAGE_SIZE = "4000:3000"
LARGE_BYTES = 64 * 10**6

_ASSET = Asset(bucket="", key="", version="", etag="", size=0, sequencer="")
_SILENT = Redaction((), (SilentRange(1.0, 2.0),))


def measure() -> dict[str, Any]:
    """Return the median CPU seconds of each stage: for a file of each kind, and for a file of 64 MB."""
    return asyncio.run(_measure())


async def _measure() -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="headrace-bench-") as name:
        folder = Path(name)
        files = {
            "image": _enlarged(MEDIA / "bottles.jpg", folder),
            "video": _looped(MEDIA / "rabbit.mp4", folder),
            "audio": _looped(MEDIA / "jfk.flac", folder),
            "document": folder / "letter.pdf",
        }
        files["document"].write_bytes(letter())
        large = folder / "large.bin"
        large.write_bytes(bytes(LARGE_BYTES))
        scanner = ContentScanner("")
        work: dict[str, Callable[[], Awaitable[Any]]] = {
            f"scan {kind}": partial(scanner.scan, file, file.name) for kind, file in files.items()
        }
        work["scan large"] = partial(scanner.scan, large, large.name)
        for kind, file in files.items():
            info = await probe(file, file.name)
            work[f"probe {kind}"] = partial(probe, file, file.name)
            work[f"thumbnails {kind}"] = partial(_thumbnails, file, info, folder)
            if kind in ("video", "audio"):
                work[f"quality {kind}"] = partial(measure_quality, file, _ready(info), file.name)
                work[f"redact {kind}"] = partial(redacted_media, file, _ready(info), _SILENT, file.name)
            if kind == "video":
                work["frames video"] = partial(sample, file, info, file.name)
        seconds = {name: await _cpu(run) for name, run in work.items()}
        sizes = {kind: file.stat().st_size for kind, file in files.items()}
    return {"seconds_of_media": SECONDS, "large_bytes": LARGE_BYTES, "file_bytes": sizes, "cpu_seconds": seconds}


async def _thumbnails(file: Path, info: MediaInfo, folder: Path) -> None:
    with tempfile.TemporaryDirectory(dir=folder) as target:
        await thumbnails(file, info, Path(target), file.name)


def _looped(file: Path, folder: Path) -> Path:
    target = folder / file.name
    copy = ("-c", "copy") if file.suffix == ".mp4" else ()
    run_ffmpeg("-stream_loop", "-1", "-i", str(file), "-t", str(SECONDS), *copy, str(target))
    return target


def _enlarged(file: Path, folder: Path) -> Path:
    target = folder / file.name
    run_ffmpeg("-i", str(file), "-vf", f"scale={IMAGE_SIZE},noise=c0s=12", "-q:v", "3", str(target))
    return target


def _ready(info: MediaInfo) -> MediaReady:
    ready = MediaReady(asset=_ASSET, content_type="", sha256="", kind=info.kind, format=info.format)
    return replace(
        ready,
        duration_seconds=info.duration_seconds,
        width=info.width,
        height=info.height,
        video_codec=info.video_codec,
        audio_codec=info.audio_codec,
        frame_rate=info.frame_rate,
    )


async def _cpu(run: Callable[[], Awaitable[Any]]) -> float:
    """Return the median CPU seconds of this process and of those that it starts. The first run warms up."""
    used = []
    for _ in range(REPETITIONS + 1):
        before = _cpu_seconds()
        await run()
        used.append(_cpu_seconds() - before)
    return round(statistics.median(used[1:]), 4)


def _cpu_seconds() -> float:
    ended = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    running = [each.cpu_times() for each in psutil.Process().children(recursive=True)]
    own: float = sum(each.ru_utime + each.ru_stime for each in ended)
    return float(own + sum(each.user + each.system + each.children_user + each.children_system for each in running))
