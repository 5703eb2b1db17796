"""Load what an inspection needs before the first one: a process with limits cannot open files."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from io import FileIO
from typing import Any

import av
import av.subtitles.codeccontext  # PyAV imports it at the first stream of subtitles, which the sample has not
from av.audio.frame import AudioFrame
from av.video.frame import VideoFrame

from headrace.streams.media.inspection.messages import Describe, Operation, SampleFrames, Stills, Waveform

_SIDE, _SAMPLES, _RATE = 16, 800, 8000


@contextmanager
def sample() -> Iterator[FileIO]:
    """Open a generated file."""
    with tempfile.TemporaryFile(buffering=0) as file:
        _write_sample(file)
        yield file


def run(file: FileIO, inspect: Callable[[FileIO, Operation], object]) -> None:
    """Inspect a file in every way."""
    operations: tuple[Operation, ...] = (
        Describe(),
        Stills((0.0,), _SIDE, _SIDE),
        Waveform(_SIDE, _SIDE, 1.0),
        SampleFrames(0.0, 1.0, 1.0, 1.0, _SIDE, _SIDE),
    )
    for operation in operations:
        inspect(file, operation)


def _write_sample(file: Any) -> None:
    """Write one grey picture and 0.1 s of silence as Matroska."""
    with av.open(file, mode="w", format="matroska") as container:
        video = container.add_stream("mpeg4", rate=10)
        video.width, video.height, video.pix_fmt = _SIDE, _SIDE, "yuv420p"
        audio = container.add_stream("pcm_s16le", rate=_RATE, layout="mono")
        picture = VideoFrame(_SIDE, _SIDE, "yuv420p")
        for plane in picture.planes:
            plane.update(bytes(plane.buffer_size))
        sound = AudioFrame("s16", "mono", _SAMPLES)
        sound.planes[0].update(bytes(sound.planes[0].buffer_size))
        sound.sample_rate, sound.pts, sound.time_base = _RATE, 0, Fraction(1, _RATE)
        container.mux([*video.encode(picture), *video.encode(None), *audio.encode(sound), *audio.encode(None)])
