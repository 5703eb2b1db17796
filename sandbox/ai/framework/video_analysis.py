"""Video analysis by measurement: shots, black sections, movement and colours of sampled frames."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image, ImageChops, ImageStat

from headrace.sandbox.ai.framework import ffmpeg, image_analysis, inputs
from headrace.sandbox.ai.framework.errors import UnprocessableMediaError
from headrace.sandbox.ai.framework.image_analysis import DecodedImage, MeasuredLabel

SAMPLES_A_SECOND = 2.0
MAX_SAMPLES = 600
_FRAME = (64, 36)
_CUT = re.compile(r"lavfi\.scd\.score: ([\d.]+), lavfi\.scd\.time: ([\d.]+)")
_BLACK = re.compile(r"black_start:([\d.]+) black_end:([\d.]+)")


@dataclass(frozen=True, slots=True)
class Shot:
    """A shot between two cuts; times in milliseconds. `confidence` is that of its first cut."""

    start: int
    end: int
    confidence: float


@dataclass(frozen=True, slots=True)
class FrameSample:
    """A sampled frame: its time span, its measures, its difference to the previous frame (0 to 255), and the image."""

    start: int
    end: int
    picture: DecodedImage
    movement: float
    image: Image.Image


@dataclass(frozen=True, slots=True)
class VideoAnalysis:
    """The analysis of a video; times in milliseconds."""

    probe: ffmpeg.MediaProbe
    video: ffmpeg.VideoStream
    duration: int
    shots: tuple[Shot, ...]
    black: tuple[tuple[int, int], ...]
    samples: tuple[FrameSample, ...]


@dataclass(frozen=True, slots=True)
class Detection:
    """A label from `start` to `end`, in milliseconds."""

    start: int
    end: int
    label: MeasuredLabel


def watch(path: Path, service: str = "rekognition", operation: str = "StartLabelDetection") -> VideoAnalysis:
    """Analyse the video in `path`. Raises `UnprocessableMediaError` for a video that the operation rejects."""
    try:
        probe = inputs.probed(service, operation, f"bucket/{path.name}", path)
    except inputs.RefusedInputError as error:
        raise UnprocessableMediaError(f"InvalidVideoFormat: {error}") from error
    if probe.video is None:
        raise UnprocessableMediaError("InvalidVideoFormat: the file has no video.")
    duration = round(probe.duration * 1000)
    rate = min(SAMPLES_A_SECOND, MAX_SAMPLES / max(probe.duration, 1.0))
    with TemporaryDirectory() as folder:
        frames = Path(folder, "frames.rgb")
        log = ffmpeg.run(path, *_analysis(rate, frames)).log
        samples = tuple(_samples(frames, rate, duration))
    black = tuple((_ms(start), _ms(end)) for start, end in _BLACK.findall(log))
    return VideoAnalysis(probe, probe.video, duration, _shots(log, duration), black, samples)


def points(footage: VideoAnalysis) -> list[Detection]:
    """Return the detections of each sampled frame, and each shot at its start."""
    found = [Detection(seen.start, seen.end, label) for seen in footage.samples for label in _labels_of(seen, footage)]
    shots = [
        Detection(shot.start, shot.end, MeasuredLabel("Shot", shot.confidence, "Composition")) for shot in footage.shots
    ]
    return sorted([*found, *shots], key=_order)


def moderation_points(footage: VideoAnalysis) -> list[Detection]:
    """Return synthetic moderation labels of each sampled frame."""
    return [
        Detection(seen.start, seen.end, label)
        for seen in footage.samples
        for label in image_analysis.moderation_labels(seen.picture)
    ]


def segments(found: list[Detection], footage: VideoAnalysis) -> list[Detection]:
    """Merge consecutive detections of the same name within one shot."""
    cuts = [shot.start for shot in footage.shots]
    open_ones: dict[str, Detection] = {}
    done: list[Detection] = []
    for one in found:
        last = open_ones.get(one.label.name)
        if last and last.end >= one.start and not any(last.start < cut <= one.start for cut in cuts):
            surest = max(last.label, one.label, key=lambda label: label.confidence)
            open_ones[one.label.name] = Detection(last.start, max(last.end, one.end), surest)
            continue
        if last:
            done.append(last)
        open_ones[one.label.name] = one
    return sorted([*done, *open_ones.values()], key=_order)


def _analysis(rate: float, frames: Path) -> tuple[str | Path, ...]:
    # Detect cuts in RGB: in YUV the filter compares only luma, and misses a cut from red to green.
    width, height = _FRAME
    graph = (
        f"[0:v:0]split[a][b];[a]fps={rate},scale={width}:{height}[frames];"
        "[b]scale=160:-2,format=rgb24,scdet=threshold=10,blackdetect=d=0.3:pix_th=0.10[seen]"
    )
    sampled = ("-map", "[frames]", "-pix_fmt", "rgb24", "-f", "rawvideo", frames)
    return ("-filter_complex", graph, *sampled, "-map", "[seen]", "-f", "null", "-")


def _samples(frames: Path, rate: float, duration: int) -> Iterator[FrameSample]:
    width, height = _FRAME
    before: Image.Image | None = None
    with frames.open("rb") as file:
        for number, data in enumerate(iter(lambda: file.read(width * height * 3), b"")):
            image = Image.frombytes("RGB", _FRAME, data)
            movement = _difference(before, image) if before else 0.0
            before = image
            start, end = (min(round(n * 1000 / rate), duration) for n in (number, number + 1))
            yield FrameSample(start, end, image_analysis.measure(image), movement, image)


def _difference(one: Image.Image, other: Image.Image) -> float:
    return round(ImageStat.Stat(ImageChops.difference(one, other).convert("L")).mean[0], 2)


def _shots(log: str, duration: int) -> tuple[Shot, ...]:
    cuts = [(0, 99.0), *((_ms(time), image_analysis.graded(float(score), 10, 40)) for score, time in _CUT.findall(log))]
    ends = [start for start, _ in cuts[1:]] + [duration]
    return tuple(Shot(start, end, sure) for (start, sure), end in zip(cuts, ends, strict=True))


def _labels_of(sample: FrameSample, footage: VideoAnalysis) -> list[MeasuredLabel]:
    found = image_analysis.colour_labels(sample.picture)
    if any(start <= sample.start < end for start, end in footage.black):
        found.append(MeasuredLabel("Black Frame", 99.0, "Composition"))
    if sure := image_analysis.graded(sample.movement, 2, 20):
        found.append(MeasuredLabel("Motion", sure, "Composition"))
    return found


def _order(detection: Detection) -> tuple[int, str]:
    return detection.start, detection.label.name


def _ms(seconds: str) -> int:
    return round(float(seconds) * 1000)
