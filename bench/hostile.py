"""Measure the inspection of media: `python -m bench.hostile`. Exit code 1 if a target is missed.

First the time to probe each sample file, beside the code of commit 9b7ddd4, which read ffmpeg's output for people; both
in the same run, one after the other. Then the time to probe a small file while many copies of the most expensive sample
are probed.
"""

from __future__ import annotations

import asyncio
import importlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from bench.harness import report
from headrace.streams.media.probe import probe

ROOT = Path(__file__).parents[1]
MEDIA = ROOT / "sandbox" / "media"
SAMPLES = ("bottles.mp4", "rabbit.mp4", "jfk.flac", "bottles.jpg")
SMALL = "bottles.jpg"
PREVIOUS = "9b7ddd4"
PREVIOUS_MODULES = ("ffmpeg", "ffmpeg_output", "file_type", "probe")
ROUNDS, SMALL_FILES, UPLOADS = 15, 200, 200
MAX_RATIO, MAX_DELAY = 1.3, 2.0

Probe = Callable[[Path], Awaitable[Any]]


def previous_probe(folder: Path) -> Probe:
    """Return the probe of the previous commit, from the history of this repository."""
    package = folder / "previous_media"
    package.mkdir()
    for name in PREVIOUS_MODULES:
        command = ("git", "show", f"{PREVIOUS}:streams/media/{name}.py")
        text = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, text=True).stdout
        (package / f"{name}.py").write_text(text.replace("headrace.streams.media.", "previous_media."), "utf-8")
    sys.path.insert(0, str(folder))
    found: Probe = importlib.import_module("previous_media.probe").probe
    return found


async def seconds(read: Probe, path: Path) -> float:
    """Return the duration of one probe."""
    before = time.perf_counter()
    await read(path)
    return time.perf_counter() - before


async def compare(previous: Probe) -> dict[str, dict[str, report.Spread]]:
    """Return the durations of both probes for each sample, measured alternately."""
    measured = {}
    for name in SAMPLES:
        times: dict[str, list[float]] = {"previous": [], "inspection": []}
        await probe(MEDIA / name)
        for _ in range(ROUNDS):
            times["previous"].append(await seconds(previous, MEDIA / name))
            times["inspection"].append(await seconds(probe, MEDIA / name))
        measured[name] = {kind: report.spread(values) for kind, values in times.items()}
    return measured


async def small_files(path: Path) -> float:
    """Return the 99th percentile of the durations of small files, one after the other."""
    times = [await seconds(lambda each: probe(each, "small.jpg"), path) for _ in range(SMALL_FILES)]
    return statistics.quantiles(times, n=100)[98]


async def small_files_beside_uploads(path: Path, expensive: Path) -> float:
    """Return the same, while copies of an expensive file are probed all the time."""

    async def upload(number: int) -> None:
        while True:
            await probe(expensive, f"{number}.mp4")

    uploads = [asyncio.create_task(upload(number)) for number in range(UPLOADS)]
    try:
        await asyncio.sleep(0)
        return await small_files(path)
    finally:
        for task in uploads:
            task.cancel()
        await asyncio.gather(*uploads, return_exceptions=True)


async def measure() -> dict[str, Any]:
    """Measure everything."""
    with tempfile.TemporaryDirectory() as folder:
        durations = await compare(previous_probe(Path(folder)))
    expensive = max(durations, key=lambda name: durations[name]["inspection"].median)
    with tempfile.TemporaryDirectory() as folder:
        small = Path(shutil.copy(MEDIA / SMALL, folder))
        alone = await small_files(small)
        beside = await small_files_beside_uploads(small, MEDIA / expensive)
    return {"durations": durations, "expensive": expensive, "alone": alone, "beside": beside}


def main() -> None:
    """Print the durations, and exit with code 1 if a target is missed."""
    measured = asyncio.run(measure())
    ratios = {}
    for name, spreads in measured["durations"].items():
        ratios[name] = spreads["inspection"].median / spreads["previous"].median
        print(f"{name:12} {spreads['previous']} s before, {spreads['inspection']} s now: {ratios[name]:.2f} times")
    delay = measured["beside"] / measured["alone"]
    print(f"p99 of {SMALL}: {measured['alone']:.3f} s alone, {measured['beside']:.3f} s beside")
    print(f"{UPLOADS} uploads of {measured['expensive']}: {delay:.2f} times")
    report.judge(
        {
            f"each sample in at most {MAX_RATIO} times the previous duration": max(ratios.values()) <= MAX_RATIO,
            f"p99 of small files at most {MAX_DELAY} times theirs alone": delay <= MAX_DELAY,
        }
    )


if __name__ == "__main__":
    main()
