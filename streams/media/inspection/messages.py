"""The messages between a worker and the processes that inspect media, in MessagePack."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from headrace.streams.media.info import MediaInfo

Pixels = Annotated[int, msgspec.Meta(ge=1, le=1 << 16)]
Duration = Annotated[float, msgspec.Meta(ge=0, le=1e9)]
FailureCode = Literal["unreadable", "unsupported_input", "too_large"]

MAX_REQUEST_BYTES = 4096
HASH_BYTES = 32


class Limits(msgspec.Struct, frozen=True):
    """The limits of one inspection. A stage that makes two of them is within its deadline of 300 s."""

    cpu_seconds: int = 60
    wall_seconds: float = 90.0
    memory_bytes: int = 2 << 30
    output_bytes: int = 16 << 20
    open_files: int = 16
    niceness: int = 0


class Describe(msgspec.Struct, frozen=True, tag=True):
    """Describe a file and decode its start and its end. With `pictures`, image formats are accepted too.

    `hint` is the demuxer for a file that none recognises.
    """

    hint: str = ""
    pictures: bool = False


class Stills(msgspec.Struct, frozen=True, tag=True):
    """Return the picture at each position of a video as a JPEG; the first picture if there is none at any."""

    positions: tuple[Duration, ...]
    width: Pixels
    height: Pixels
    hint: str = ""


class Waveform(msgspec.Struct, frozen=True, tag=True):
    """Return the waveform of the first `seconds` seconds of audio as a PNG."""

    width: Pixels
    height: Pixels
    seconds: Duration
    hint: str = ""


class SampleFrames(msgspec.Struct, frozen=True, tag=True):
    """Return one frame for each part of a shot between two times of a video, as JPEGs.

    A part ends at a cut or when its content has changed, after `shortest` seconds at the earliest, and after `longest`
    seconds in any case.
    """

    start: Duration
    stop: Duration
    shortest: Duration
    longest: Duration
    width: Pixels
    height: Pixels
    hint: str = ""


Operation = Describe | Stills | Waveform | SampleFrames


class Request(msgspec.Struct, frozen=True):
    """An operation on a file, which is passed as a descriptor."""

    operation: Operation
    limits: Limits


class Description(msgspec.Struct, frozen=True, tag=True):
    """The answer to `Describe`."""

    info: MediaInfo


class Still(msgspec.Struct, frozen=True):
    """A picture, and its position in seconds."""

    content: bytes
    at: Duration
    width: Pixels
    height: Pixels


class Pictures(msgspec.Struct, frozen=True, tag=True):
    """The answer to `Stills` and `Waveform`."""

    stills: tuple[Still, ...]


class ShotFrame(msgspec.Struct, frozen=True):
    """A frame, its position in seconds, and its perceptual hash."""

    content: bytes
    at: Duration
    hash: Annotated[bytes, msgspec.Meta(min_length=HASH_BYTES, max_length=HASH_BYTES)]


class ShotFrames(msgspec.Struct, frozen=True, tag=True):
    """The answer to `SampleFrames`, in order of time. `ended`: the video ends before the last requested time."""

    frames: tuple[ShotFrame, ...]
    ended: bool


class Failure(msgspec.Struct, frozen=True, tag=True):
    """The file cannot be inspected."""

    code: FailureCode
    reason: str


Answer = Description | Pictures | ShotFrames | Failure


class Exit(msgspec.Struct, frozen=True):
    """How the process of an inspection ended: its exit code, or the negative number of the signal that ended it."""

    code: int
