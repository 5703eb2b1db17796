"""Measure the technical quality of audio and video in one run of ffmpeg.

Filters: `ebur128` (EBU R 128 and ITU-R BS.1770), `astats`, `silencedetect`, `blackdetect`, `freezedetect`, `idet` and
`cropdetect`. They write what they find into the metadata of frames, which ffmpeg prints line by line.
"""

from __future__ import annotations

import re
from pathlib import Path

from headrace.schemas.records import MediaReady
from headrace.streams.errors import TransientError
from headrace.streams.media.ffmpeg import open_source, run, with_demuxer
from headrace.streams.media.ffmpeg_output import explain
from headrace.streams.media.inspection.messages import Limits
from headrace.streams.media.quality_report import ENDS, STARTS, FrameMetadata, QualityReport
from headrace.streams.media.slots import MediaSlots, available_cores
from headrace.streams.media.tools import MediaTools

BLACK_SECONDS = 0.5
FROZEN_SECONDS = 2.0
SILENT_SECONDS = 2.0
SILENCE_DB = -60
DEADLINE_SECONDS = 7_500.0
"""More than the wall time of one run."""

QUALITY_TOOLS = MediaTools(
    Limits(cpu_seconds=3_600, wall_seconds=7_200.0), slots=MediaSlots(max(2, available_cores() // 2))
)
"""A whole file is decoded, which takes longer than other work on media. Its slots are apart: nothing else waits."""

_VIDEO_EVENTS = tuple(key for key in (*STARTS, *ENDS) if "silence" not in key)
_PRINT = "file=-:direct=1"  # each line at once: the lines of two filters do not mix
_VIDEO = ",".join(
    (
        f"idet,scale=w=iw*sar:h=ih,cropdetect=reset=1,blackdetect=d={BLACK_SECONDS},freezedetect=d={FROZEN_SECONDS}",
        *(f"metadata=print:key={key}:{_PRINT}" for key in _VIDEO_EVENTS),
        "select='isnan(prev_selected_t)+gte(t-prev_selected_t\\,1)'",
        f"metadata=print:{_PRINT}",
    )
)
_AUDIO = ",".join(
    (
        "ebur128=peak=true:metadata=1:framelog=quiet,aformat=sample_fmts=s16",
        "astats=metadata=1:measure_perchannel=none:measure_overall=Peak_level+Peak_count",
        f"silencedetect=n={SILENCE_DB}dB:d={SILENT_SECONDS}",
        f"ametadata=print:{_PRINT}",
    )
)


async def measure(path: Path, media: MediaReady, name: str = "", tools: MediaTools = QUALITY_TOOLS) -> QualityReport:
    """Measure a probed file to its end: its video, and its first audio stream. `name` is the key of its asset.

    Raises:
        StageError: As `probe`; `missing_filter`: ffmpeg lacks a filter.
    """
    with open_source(path, name or str(path), tools) as source:
        reading = FrameMetadata(media.width or 0, media.height or 0)
        result = await run(with_demuxer(source, media.format), _arguments(media), lines=reading.line)
        if result.code:
            raise _missing_filter(result.errors) or explain(media.kind, result.errors)
    return reading.report(media.duration_seconds)


def _arguments(media: MediaReady) -> tuple[str, ...]:
    chains = []
    if media.kind == "video":
        chains.append(("[0:V:0]", _VIDEO, "[video]"))
    if media.audio_codec:
        chains.append(("[0:a:0]", _AUDIO, "[audio]"))
    maps = (argument for chain in chains for argument in ("-map", chain[2]))
    return ("-filter_complex", ";".join("".join(chain) for chain in chains), *maps, "-f", "null", "-")


def _missing_filter(errors: str) -> TransientError | None:
    """Return the error of an ffmpeg without a filter. Not an outage: a message may quote the file."""
    if (found := re.search(r"^\[AVFilterGraph @ \w+\] No such filter: '(\w+)'$", errors, re.MULTILINE)) is None:
        return None
    why = f"ffmpeg has no filter {found[1]}: correct IMAGEIO_FFMPEG_EXE, or unset it for the one of imageio-ffmpeg"
    return TransientError(why, "missing_filter")
