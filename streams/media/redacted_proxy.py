"""Render a file for sharing with ffmpeg: faces are blurred, spoken personal data is silent, and metadata is left out.

A proxy has one picture stream, one sound stream or both; no subtitles, data, attachments, chapters or captions.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from headrace.schemas.records import MediaReady
from headrace.streams.errors import PermanentError
from headrace.streams.media import rendition
from headrace.streams.media.face_regions import FaceBox, FaceRegion
from headrace.streams.media.ffmpeg import open_source, run, with_demuxer
from headrace.streams.media.ffmpeg_output import explain
from headrace.streams.media.info import MediaInfo
from headrace.streams.media.inspection.messages import Limits
from headrace.streams.media.quality import QUALITY_TOOLS
from headrace.streams.media.redacted_speech import SilentRange
from headrace.streams.media.tools import MediaTools

MAX_BYTES = 128 << 20
"""Largest proxy; the bit rate of a long video is lower, so that its proxy is smaller."""
VIDEO_SIDE = 640
CELLS = 16
"""Longest side in pixels of the picture that hides faces: a face has fewer, and none of its features."""
VIDEO_BITS, LEAST_VIDEO_BITS, SOUND_BITS = 1_500_000, 100_000, 96_000
SOUND_SAMPLES = 256
"""Number of samples that are silent or not, together."""

REDACTION_TOOLS = MediaTools(
    Limits(cpu_seconds=3_600, wall_seconds=7_200.0, output_bytes=MAX_BYTES + 1), slots=QUALITY_TOOLS.slots
)
"""A whole file is decoded and encoded. The slots are those of `quality`, which decodes whole files, too."""

_NO_METADATA = ("-map_metadata", "-1", "-map_metadata:s", "-1", "-map_chapters", "-1", "-dn", "-sn", "-bitexact")
_NO_CAPTIONS = ("-a53cc", "0")
_MP4 = ("-write_tmcd", "0", "-movflags", "frag_keyframe+empty_moov+default_base_moof", "-f", "mp4", "-")


@dataclass(frozen=True, slots=True)
class Redaction:
    """What is hidden in a file: regions of its pictures, and ranges of its sound."""

    regions: Sequence[FaceRegion] = ()
    silences: Sequence[SilentRange] = ()


async def redacted_media(
    path: Path, media: MediaReady, redaction: Redaction, name: str = "", tools: MediaTools = REDACTION_TOOLS
) -> bytes:
    """Return a video with its sound, or sound, as MP4; `name` is the key of its asset.

    Times are counted from the first picture and the first sample of sound, as services count them.

    Raises:
        StageError: as `probe`; `too_large`: the proxy is larger than `MAX_BYTES`.
    """
    chains, outputs = [], []
    if media.kind == "video":
        size = _even(rendition.scaled(*_size(media), VIDEO_SIDE))
        chains.append(f"[0:V:0]setpts=PTS-STARTPTS,{_blurred(size, redaction.regions)}[picture]")
        outputs += ["-map", "[picture]", "-c:v", "libx264", "-preset", "veryfast", *_rate(media), *_NO_CAPTIONS]
    if media.audio_codec:
        chains.append(f"[0:a:0]asetpts=PTS-STARTPTS,{_silenced(redaction.silences)}[sound]")
        outputs += ["-map", "[sound]", "-c:a", "aac", "-b:a", str(SOUND_BITS)]
    arguments = ("-filter_complex", ";".join(chains), *outputs, *_NO_METADATA, "-threads", "1", *_MP4)
    with open_source(path, name or str(path), tools) as source:
        result = await run(with_demuxer(source, media.format), arguments)
    if result.code or not result.output:
        raise explain(media.kind, result.errors)
    return _limited(result.output)


async def redacted_picture(
    path: Path, media: MediaReady, boxes: Iterable[FaceBox], name: str = "", tools: MediaTools = REDACTION_TOOLS
) -> bytes:
    """Return a picture as a JPEG; `name` is the key of its asset.

    Raises:
        StageError: as `rendition.jpeg`.
    """
    info = MediaInfo(kind="image", format=media.format, width=media.width, height=media.height)
    jpeg = await rendition.jpeg(path, info, name, tools)
    regions = [FaceRegion(box.padded(), 0.0, math.inf) for box in boxes]
    graph = f"[0:v:0]{_blurred(_even((jpeg.width, jpeg.height)), regions)}[picture]"
    output = ("-map", "[picture]", "-frames:v", "1", "-pix_fmt", "yuvj420p", "-c:v", "mjpeg", "-q:v", "3")
    with tempfile.NamedTemporaryFile(prefix="headrace-", suffix=".jpg") as file:
        file.write(jpeg.content)
        file.flush()
        with open_source(Path(file.name), name or str(path), tools) as source:
            result = await run(
                source, ("-filter_complex", graph, *output, *_NO_METADATA, "-threads", "1", "-f", "image2pipe", "-")
            )
    if result.code or not result.output:
        raise explain("image", result.errors)
    return _limited(result.output)


def _blurred(size: tuple[int, int], regions: Sequence[FaceRegion]) -> str:
    """Return the filters that scale pictures to a size and show a blurred copy of them in the regions.

    A mask, white in the regions that are shown at a moment, is the transparency of the copy.
    """
    width, height = size
    scaled = f"scale={width}:{height},setsar=1,format=yuv420p"
    if not regions:
        return f"{scaled},sidedata=mode=delete"
    across, down = (max(1, round(side * CELLS / max(size))) for side in size)
    boxes = ",".join(_white(region, size) for region in regions)
    return (
        f"{scaled},split=3[sharp][copy][shape];"
        f"[copy]scale={across}:{down}:flags=area,scale={width}:{height}:flags=bicubic[blurred];"
        f"[shape]format=gray,lut=y=0,{boxes}[mask];"
        "[blurred][mask]alphamerge[hidden];[sharp][hidden]overlay=format=auto,format=yuv420p,sidedata=mode=delete"
    )


def _white(region: FaceRegion, size: tuple[int, int]) -> str:
    """Return the filter that draws a region, in even pixels: colours are stored for two by two of them."""
    left, right = _outward(region.box.left, region.box.right, size[0])
    top, bottom = _outward(region.box.top, region.box.bottom, size[1])
    drawn = f"drawbox=x={left}:y={top}:w={right - left}:h={bottom - top}:color=white:t=fill"
    if region.end == math.inf:
        return drawn
    return f"{drawn}:enable='between(t,{region.start:.3f},{region.end:.3f})'"


def _outward(low: float, high: float, side: int) -> tuple[int, int]:
    return math.floor(low * side / 2) * 2, min(side, max(2, math.ceil(high * side / 2) * 2))


def _silenced(silences: Sequence[SilentRange]) -> str:
    channels = "aformat=channel_layouts=mono|stereo"
    if not silences:
        return channels
    inside = "+".join(f"between(t,{each.start:.3f},{each.end:.3f})" for each in silences)
    return f"asetnsamples=n={SOUND_SAMPLES}:p=0,volume=eval=frame:volume='not({inside})',{channels}"


def _rate(media: MediaReady) -> tuple[str, ...]:
    """Return the quality, and the largest bit rate with which the proxy is not too large."""
    fitting = MAX_BYTES * 8 * 0.9 / max(media.duration_seconds or 0.0, 1.0) - SOUND_BITS
    bits = str(round(min(VIDEO_BITS, max(LEAST_VIDEO_BITS, fitting))))
    return ("-crf", "26", "-maxrate", bits, "-bufsize", bits)


def _size(media: MediaReady) -> tuple[int, int]:
    if not media.width or not media.height:
        raise PermanentError("unreadable", "the size of the pictures is unknown")
    return media.width, media.height


def _even(size: tuple[int, int]) -> tuple[int, int]:
    return max(2, size[0] // 2 * 2), max(2, size[1] // 2 * 2)


def _limited(content: bytes) -> bytes:
    if len(content) > MAX_BYTES:
        raise PermanentError("too_large", f"the proxy is larger than {MAX_BYTES >> 20} MB")
    return content
