"""Measure the sampling of frames of videos: `python -m bench.sampling [VIDEO ...]`. Exit code 1 if a target is missed.

Each video is looped to an hour at 640 x 360 and sampled: wall time, CPU time, calls, and the prices of both ways. The
loop repeats the pictures of a video, which are sent once; `calls_without_repeats` is the number for an hour that
repeats nothing. Then the frames are compared with the video itself: the share of the colours that the local endpoint
finds in the video that it finds in the frames, too.
"""

from __future__ import annotations

import asyncio
import io
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import psutil
from PIL import Image

from bench.harness import report
from headrace.sandbox.ai.framework import image_analysis, video_analysis
from headrace.streams.costs.prices import read_price_list
from headrace.streams.media import sampling
from headrace.streams.media.info import MediaInfo
from headrace.streams.media.probe import probe
from headrace.streams.media.sampling import SampledPicture
from headrace.streams.media.tools import MediaTools

MEDIA = Path(__file__).parents[1] / "sandbox" / "media"
SAMPLES = ("bottles.mp4", "rabbit.mp4")
HOUR = 3600
ROUNDS = 2
MIN_SPEED = 20.0
"""Seconds of video for each second of CPU time of one core."""


@dataclass(frozen=True, slots=True)
class SampledHour:
    """One sampling of an hour of video."""

    wall_seconds: float
    cpu_seconds: float
    calls: int
    calls_without_repeats: int


def run_ffmpeg(*arguments: str) -> bytes:
    """Run ffmpeg and return its output."""
    command = (imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-nostdin", "-y", *arguments)
    return subprocess.run(command, check=True, capture_output=True).stdout


def looped(video: Path, folder: Path) -> Path:
    """Write the video at 640 x 360, without sound, looped to an hour."""
    once, hour = folder / f"once-{video.name}", folder / f"hour-{video.name}"
    shape = "scale=640:360:force_original_aspect_ratio=decrease,pad=640:360:-1:-1,setsar=1"
    encoder = ("-c:v", "libx264", "-preset", "veryfast", "-g", "250", "-pix_fmt", "yuv420p")
    run_ffmpeg("-i", str(video), "-an", "-vf", shape, *encoder, str(once))
    run_ffmpeg("-stream_loop", "-1", "-i", str(once), "-t", str(HOUR), "-c", "copy", str(hour))
    return hour


def cpu_seconds(tools: MediaTools) -> float:
    """Return the CPU time of this process, of the inspection server, and of the processes that it has ended."""
    own = resource.getrusage(resource.RUSAGE_SELF)
    server = psutil.Process(tools.inspector._server.pid).cpu_times() if tools.inspector._server else None
    used = own.ru_utime + own.ru_stime
    return used + (server.user + server.system + server.children_user + server.children_system if server else 0.0)


async def sample_hour(video: Path, info: MediaInfo, tools: MediaTools) -> SampledHour:
    """Sample a video once."""
    cpu, started = cpu_seconds(tools), time.perf_counter()
    frames = await sampling.sample(video, info, video.name, tools)
    wall = time.perf_counter() - started
    times = sum(1 + len(frame.repeats) for frame in frames)
    return SampledHour(wall, cpu_seconds(tools) - cpu, len(frames), times)


def opened(frame: SampledPicture) -> Image.Image:
    """Decode a frame."""
    return Image.open(io.BytesIO(frame.content)).convert("RGB")


def colours_found(video: Path, frames: tuple[SampledPicture, ...]) -> float:
    """Return the share of the colours of a video that are found in its frames."""
    seen = video_analysis.watch(video).samples
    of_video = {label.name for each in seen for label in image_analysis.colour_labels(each.picture)}
    measured = [image_analysis.measure(opened(frame).resize((64, 36))) for frame in frames]
    of_frames = {label.name for each in measured for label in image_analysis.colour_labels(each)}
    return len(of_video & of_frames) / len(of_video)


async def measure(video: Path, tools: MediaTools) -> dict[str, Any]:
    """Measure a video."""
    info = await probe(video, tools=tools)
    frames = await sampling.sample(video, info, video.name, tools)
    with tempfile.TemporaryDirectory() as folder:
        hour = looped(video, Path(folder))
        described = await probe(hour, tools=tools)
        runs = [await sample_hour(hour, described, tools) for _ in range(ROUNDS)]
    seconds = info.duration_seconds or 0.0
    return {
        "hour": {
            "wall_seconds": asdict(report.spread([each.wall_seconds for each in runs])),
            "cpu_seconds": asdict(report.spread([each.cpu_seconds for each in runs])),
            "times_real_time_a_core": round(HOUR / statistics.median(each.cpu_seconds for each in runs), 1),
            "calls": runs[0].calls,
            "calls_without_repeats": runs[0].calls_without_repeats,
            **prices(HOUR, runs[0].calls, runs[0].calls_without_repeats),
        },
        "video": {
            "seconds": round(seconds, 1),
            "calls": len(frames),
            **prices(seconds, len(frames)),
            "colours_found": round(colours_found(video, frames), 3),
        },
    }


def prices(seconds: float, calls: int, calls_without_repeats: int | None = None) -> dict[str, float]:
    """Return the prices of labels by both ways in US dollars."""
    table = read_price_list("us-east-1")
    usd = {
        "usd_frames": table.charge("rekognition", "DetectLabels", calls).usd,
        "usd_video": round(table.charge("rekognition", "StartLabelDetection", seconds / 60).usd, 4),
    }
    if calls_without_repeats is not None:
        usd["usd_frames_without_repeats"] = table.charge("rekognition", "DetectLabels", calls_without_repeats).usd
    return usd


def main() -> None:
    """Measure the videos, write the result, and exit with code 1 if a target is missed."""
    videos = [Path(each) for each in sys.argv[1:]] or [MEDIA / name for name in SAMPLES]
    tools = MediaTools()
    measured = {video.name: asyncio.run(measure(video, tools)) for video in videos}
    tools.inspector.close()
    for name, found in measured.items():
        print(f"{name}: hour {found['hour']}\n    video {found['video']}")
    print(report.write(report.result("sampling", measured, ("av", "imageio-ffmpeg"))))
    slowest = min(found["hour"]["times_real_time_a_core"] for found in measured.values())
    cheaper = all(
        found["hour"]["usd_frames_without_repeats"] < found["hour"]["usd_video"] for found in measured.values()
    )
    report.judge(
        {f"at least {MIN_SPEED:g} times real time": slowest >= MIN_SPEED, "cheaper than the video API": cheaper}
    )


if __name__ == "__main__":
    main()
