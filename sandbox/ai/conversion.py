"""One output of a MediaConvert job, made by ffmpeg: H.264 with AAC in MP4, AAC alone, or captured frames."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sandbox.ai import ffmpeg
from sandbox.ai.errors import Unprocessable
from sandbox.ai.service import Params

MOST_FRAMES = 1000


@dataclass(frozen=True, slots=True)
class Made:
    """The files of one output, each with its name's end, and what is said of them; `width` 0 without a picture."""

    modifier: str
    files: tuple[tuple[str, Path], ...]
    content_type: str
    millis: int
    width: int = 0
    height: int = 0


def unsupported(settings: Params) -> str:
    """Say what of a job's settings is not served here; empty where all is."""
    groups, inputs = settings.get("OutputGroups", []), settings.get("Inputs", [])
    if len(inputs) != 1 or not inputs[0].get("FileInput", "").startswith("s3://"):
        return "Settings.Inputs: this endpoint takes one input, s3://bucket/key"
    if len(groups) != 1 or groups[0].get("OutputGroupSettings", {}).get("Type") != "FILE_GROUP_SETTINGS":
        return "Settings.OutputGroups: this endpoint takes one group of type FILE_GROUP_SETTINGS"
    place = groups[0]["OutputGroupSettings"].get("FileGroupSettings", {}).get("Destination", "")
    if not place.startswith("s3://"):
        return "FileGroupSettings.Destination: s3://bucket/prefix"
    kinds = [_kind(output) for output in groups[0].get("Outputs", [])]
    if not kinds or "" in kinds:
        return "Outputs: H_264 and AAC in MP4, AAC in MP4, or FRAME_CAPTURE in RAW"
    return ""


def make(source: Path, output: Params, folder: Path) -> Made:
    """Make one output of `source` in a folder of its own; raises `Unprocessable`."""
    folder.mkdir()
    probe = ffmpeg.probe(source)
    match _kind(output):
        case "video":
            return _video(source, output, folder, probe)
        case "audio":
            return _audio(source, output, folder, probe)
    return _frames(source, output, folder, probe)


def _kind(output: Params) -> str:
    video = output.get("VideoDescription", {}).get("CodecSettings", {}).get("Codec")
    sound = [each.get("CodecSettings", {}).get("Codec") for each in output.get("AudioDescriptions", [])]
    container = output.get("ContainerSettings", {}).get("Container")
    if container == "MP4" and video == "H_264" and sound in ([], ["AAC"]):
        return "video"
    if container == "MP4" and video is None and sound == ["AAC"]:
        return "audio"
    return "frames" if container == "RAW" and video == "FRAME_CAPTURE" and not sound else ""


def _video(source: Path, output: Params, folder: Path, probe: ffmpeg.Probe) -> Made:
    if probe.video is None:
        raise Unprocessable("The input has no video.")
    wanted = output["VideoDescription"]
    width, height = wanted.get("Width", probe.video.width), wanted.get("Height", probe.video.height)
    file = folder / "made.mp4"
    codecs = ("-c:v", "libx264", "-preset", "veryfast", "-crf", "28", "-pix_fmt", "yuv420p")
    sound = ("-map", "0:a:0?", "-c:a", "aac", "-b:a", "96k") if output.get("AudioDescriptions") else ("-an",)
    size = ("-s", f"{width}x{height}", "-movflags", "+faststart")
    ffmpeg.run(source, "-y", "-map", "0:V:0", *codecs, *sound, *size, file)
    millis = round(probe.duration * 1000)
    return Made(output.get("NameModifier", ""), ((".mp4", file),), "video/mp4", millis, width, height)


def _audio(source: Path, output: Params, folder: Path, probe: ffmpeg.Probe) -> Made:
    if not probe.sample_rate:
        raise Unprocessable("The input has no audio.")
    file = folder / "made.m4a"
    ffmpeg.run(source, "-y", "-map", "0:a:0", "-vn", "-c:a", "aac", "-b:a", "96k", file)
    ending = f".{output.get('Extension', 'mp4')}"
    return Made(output.get("NameModifier", ""), ((ending, file),), "audio/mp4", round(probe.duration * 1000))


def _frames(source: Path, output: Params, folder: Path, probe: ffmpeg.Probe) -> Made:
    if probe.video is None:
        raise Unprocessable("The input has no video.")
    capture = output["VideoDescription"]["CodecSettings"].get("FrameCaptureSettings", {})
    rate = f"{capture.get('FramerateNumerator', 1)}/{capture.get('FramerateDenominator', 10)}"
    most = min(capture.get("MaxCaptures", MOST_FRAMES), MOST_FRAMES)
    frames = ("-vf", f"fps={rate}:round=up", "-frames:v", str(most), "-q:v", "4", "-start_number", "0")
    ffmpeg.run(source, "-y", "-map", "0:V:0", *frames, folder / "%07d.jpg")
    files = tuple((f".{file.stem}.jpg", file) for file in sorted(folder.glob("*.jpg")))
    if not files:
        raise Unprocessable("The input has no frame.")
    size = (probe.video.width, probe.video.height)
    return Made(output.get("NameModifier", ""), files, "image/jpeg", round(probe.duration * 1000), *size)
