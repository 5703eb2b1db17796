"""Create one output of a MediaConvert job with ffmpeg: MP4, HLS, AAC audio, or captured frames."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from PIL import Image

from headrace.sandbox.ai.framework import ffmpeg, inputs
from headrace.sandbox.ai.framework.errors import UnprocessableMediaError
from headrace.sandbox.ai.framework.service import Params

MAX_FRAMES = 1000
SETTINGS = {"FILE_GROUP_SETTINGS": "FileGroupSettings", "HLS_GROUP_SETTINGS": "HlsGroupSettings"}


ROTATIONS = (None, "AUTO", "DEGREE_0")


@dataclass(frozen=True, slots=True)
class SourceVideo:
    """The input of a job, and whether its frames are rotated as its metadata says."""

    path: Path
    probe: ffmpeg.MediaProbe
    rotate: bool

    def run(self, *arguments: str | Path) -> None:
        """Run ffmpeg on the input. Raises `UnprocessableMediaError`."""
        ffmpeg.run(self.path, *arguments, rotate=self.rotate)


@dataclass(frozen=True, slots=True)
class ConvertedFile:
    """The files of one output by name suffix, and their properties; `width` is 0 without video.

    `peak` is the highest bit rate of a segment, in bits per second.
    """

    files: tuple[tuple[str, Path], ...]
    millis: int
    width: int = 0
    height: int = 0
    peak: int = 0


@dataclass(frozen=True, slots=True)
class HlsOutput:
    """Name prefix of the playlist and its segments, and the segment length in seconds."""

    name: str
    seconds: int


def unsupported(settings: Params) -> str:
    """Return an error for unsupported settings of a job; empty if all are supported."""
    groups, sources = settings.get("OutputGroups", []), settings.get("Inputs", [])
    if len(sources) != 1 or not sources[0].get("FileInput", "").startswith("s3://"):
        return "Settings.Inputs: this endpoint takes one input, s3://bucket/key"
    if sources[0].get("VideoSelector", {}).get("Rotate") not in ROTATIONS:
        return "Settings.Inputs.VideoSelector.Rotate: this endpoint takes AUTO and DEGREE_0"
    types = [group.get("OutputGroupSettings", {}).get("Type") for group in groups]
    if not types or len(set(types)) < len(types) or not set(types) <= SETTINGS.keys():
        return f"Settings.OutputGroups: this endpoint takes one group of each type, {' and '.join(SETTINGS)}"
    for group in groups:
        if not destination(group).startswith("s3://"):
            return f"{SETTINGS[group['OutputGroupSettings']['Type']]}.Destination: s3://bucket/prefix"
        kinds = {_kind(output) for output in group.get("Outputs", [])}
        if not kinds or not kinds <= ({"hls"} if is_hls(group) else {"video", "audio", "frames"}):
            return "Outputs: H_264 and AAC in MP4, AAC in MP4, or FRAME_CAPTURE in RAW; for HLS H_264 and AAC in M3U8"
    return ""


def is_hls(group: Params) -> bool:
    """Return whether an output group is HLS."""
    return bool(group["OutputGroupSettings"]["Type"] == "HLS_GROUP_SETTINGS")


def destination(group: Params) -> str:
    """Return the destination of a group's files; empty if it has none."""
    settings = group["OutputGroupSettings"]
    return str(settings.get(SETTINGS[settings["Type"]], {}).get("Destination", ""))


def open_source(path: Path, settings: Params) -> SourceVideo:
    """Return the input of a job with its properties. Raises `UnprocessableMediaError`.

    `Rotate: AUTO` applies the rotation of an MP4 or MOV file if it is a right angle.
    Source: AWS Elemental MediaConvert API Reference, "Jobs", InputRotate.
    """
    asset = settings["Inputs"][0]["FileInput"].removeprefix("s3://")
    probe = inputs.probed("mediaconvert", "CreateJob", asset, path)
    is_automatic = settings["Inputs"][0].get("VideoSelector", {}).get("Rotate") == "AUTO"
    is_right_angle = probe.rotation % 90 == 0
    return SourceVideo(path, probe, is_automatic and "mp4" in probe.formats and is_right_angle)


def make(source: SourceVideo, stem: str, group: Params, output: Params, folder: Path) -> ConvertedFile:
    """Create one output of a group in `folder`; file names begin with `stem`.

    Raises `UnprocessableMediaError`.
    """
    folder.mkdir()
    match _kind(output):
        case "video":
            return _video(source, output, folder)
        case "hls":
            seconds = group["OutputGroupSettings"]["HlsGroupSettings"].get("SegmentLength", 10)
            return _segments(source, output, folder, HlsOutput(f"{stem}{output.get('NameModifier', '')}", seconds))
        case "audio":
            return _audio(source, output, folder)
    return _frames(source, output, folder)


def playlist(renditions: Sequence[tuple[str, ConvertedFile]]) -> str:
    """Return the master playlist of the renditions. Source: RFC 8216, 4.3.4.2."""
    lines = ["#EXTM3U", "#EXT-X-VERSION:3"]
    for name, made in renditions:
        size = f"RESOLUTION={made.width}x{made.height}"
        lines += [f"#EXT-X-STREAM-INF:BANDWIDTH={made.peak},{size}", quote(f"{name}.m3u8")]
    return "\n".join(lines) + "\n"


def _kind(output: Params) -> str:
    video = output.get("VideoDescription", {}).get("CodecSettings", {}).get("Codec")
    sound = [each.get("CodecSettings", {}).get("Codec") for each in output.get("AudioDescriptions", [])]
    container = output.get("ContainerSettings", {}).get("Container")
    if container == "MP4" and video == "H_264" and sound in ([], ["AAC"]):
        return "video"
    if container == "MP4" and video is None and sound == ["AAC"]:
        return "audio"
    if container == "M3U8" and video == "H_264" and sound in ([], ["AAC"]):
        return "hls"
    return "frames" if container == "RAW" and video == "FRAME_CAPTURE" and not sound else ""


def _video(source: SourceVideo, output: Params, folder: Path) -> ConvertedFile:
    file = folder / "made.mp4"
    source.run(*_codecs(output, source), "-movflags", "+faststart", file)
    return ConvertedFile(((".mp4", file),), round(source.probe.duration * 1000), *_frame_size(file))


def _segments(source: SourceVideo, output: Params, folder: Path, hls: HlsOutput) -> ConvertedFile:
    """Cut a video into segments, and return them with their final names in the playlist."""
    keys = ("-force_key_frames", f"expr:gte(t,n_forced*{hls.seconds})")
    cut = ("-f", "hls", "-hls_time", str(hls.seconds), "-hls_playlist_type", "vod", "-start_number", "1")
    names = ("-hls_segment_filename", folder / "%05d.ts", folder / "list.m3u8")
    source.run(*_codecs(output, source), *keys, *cut, *names)
    lines = (folder / "list.m3u8").read_text("utf-8").splitlines()
    lengths = [float(line.removeprefix("#EXTINF:").rstrip(",")) for line in lines if line.startswith("#EXTINF:")]
    files = sorted(folder.glob("*.ts"))
    peak = max(file.stat().st_size * 8 / length for file, length in zip(files, lengths, strict=True))
    named = [quote(f"{hls.name}_{line}") if line.endswith(".ts") else line for line in lines]
    (folder / "list.m3u8").write_text("\n".join(named) + "\n", "utf-8")
    ends = ((".m3u8", folder / "list.m3u8"), *((f"_{file.name}", file) for file in files))
    return ConvertedFile(ends, round(source.probe.duration * 1000), *_frame_size(files[0]), round(peak))


def _codecs(output: Params, source: SourceVideo) -> tuple[str, ...]:
    """Return the ffmpeg arguments for a video that is fitted into the size of the output, with black bars."""
    if source.probe.video is None:
        raise UnprocessableMediaError("The input has no video.")
    wanted = output["VideoDescription"]
    codecs = ("-c:v", "libx264", "-preset", "veryfast", "-crf", "28", "-pix_fmt", "yuv420p")
    sound = ("-map", "0:a:0?", "-c:a", "aac", "-b:a", "96k") if output.get("AudioDescriptions") else ("-an",)
    filters = "scale=w='trunc(iw*sar/2)*2':h=ih,setsar=1"
    if "Width" in wanted and "Height" in wanted:
        size = f"{wanted['Width']}:{wanted['Height']}"
        filters += f",scale={size}:force_original_aspect_ratio=decrease,pad={size}:-1:-1"
    return ("-y", "-map", "0:V:0", *codecs, *sound, "-vf", filters)


def _audio(source: SourceVideo, output: Params, folder: Path) -> ConvertedFile:
    if not source.probe.sample_rate:
        raise UnprocessableMediaError("The input has no audio.")
    file = folder / "made.m4a"
    source.run("-y", "-map", "0:a:0", "-vn", "-c:a", "aac", "-b:a", "96k", file)
    ending = f".{output.get('Extension', 'mp4')}"
    return ConvertedFile(((ending, file),), round(source.probe.duration * 1000))


def _frames(source: SourceVideo, output: Params, folder: Path) -> ConvertedFile:
    if source.probe.video is None:
        raise UnprocessableMediaError("The input has no video.")
    capture = output["VideoDescription"]["CodecSettings"].get("FrameCaptureSettings", {})
    rate = f"{capture.get('FramerateNumerator', 1)}/{capture.get('FramerateDenominator', 10)}"
    most = min(capture.get("MaxCaptures", MAX_FRAMES), MAX_FRAMES)
    frames = ("-vf", f"fps={rate}:round=up", "-frames:v", str(most), "-q:v", "4", "-start_number", "0")
    source.run("-y", "-map", "0:V:0", *frames, folder / "%07d.jpg")
    files = tuple((f".{file.stem}.jpg", file) for file in sorted(folder.glob("*.jpg")))
    if not files:
        raise UnprocessableMediaError("The input has no frame.")
    with Image.open(files[0][1]) as picture:
        return ConvertedFile(files, round(source.probe.duration * 1000), *picture.size)


def _frame_size(file: Path) -> tuple[int, int]:
    """Return the width and height of the frames that ffmpeg wrote."""
    video = ffmpeg.probe(file).video
    if video is None:
        raise UnprocessableMediaError("The output has no frame.")
    return video.width, video.height
