"""The sampled frames of a video: made once for an asset version, and shared by all stages that send frames."""

from __future__ import annotations

import asyncio
from weakref import WeakValueDictionary

import msgspec

from headrace.schemas.parsing import parse_struct
from headrace.schemas.records import MediaReady, Pointer
from headrace.schemas.topics import subject_of
from headrace.streams.media import sampling
from headrace.streams.media.info import MediaInfo
from headrace.streams.media.media_input import MediaInput
from headrace.streams.media.sampling import SampledPicture
from headrace.streams.result_paths import version_folder
from headrace.streams.services import Services

FRAMES = "frames@1"
"""The name of the frames of an asset version, beside its results: an index, and a JPEG for each."""
INDEX = f"{FRAMES}.index.json"
"""Not the name of a result: no stage has it."""


class SampledFrame(msgspec.Struct, frozen=True):
    """A stored frame of a video: its position in seconds, its size in pixels, and its JPEG.

    `repeats` are the positions of near-duplicates that were dropped, in order of time.
    """

    at: float
    width: int
    height: int
    image: Pointer
    repeats: tuple[float, ...] = ()

    @property
    def times(self) -> tuple[float, ...]:
        """Return every position at which the video shows this picture."""
        return (self.at, *self.repeats)


_locks: WeakValueDictionary[tuple[int, str], asyncio.Lock] = WeakValueDictionary()


async def sampled_frames(media: MediaReady, services: Services) -> tuple[SampledFrame, ...]:
    """Return the frames of a video, in order of time; samples the video if there are none.

    Stages of one process wait for each other. Two processes may sample a video at the same time: both store the same.

    Raises:
        PermanentError: the video cannot be sampled.
    """
    key = id(asyncio.get_running_loop()), version_folder(media.asset)
    async with _locks.setdefault(key, asyncio.Lock()):
        stored = await services.blobs.find_blob(media.asset, INDEX, "application/json")
        if stored is not None:
            return parse_struct(await services.blobs.read(stored), tuple[SampledFrame, ...])
        return await _sample(media, services)


def picture_of(frame: SampledFrame) -> MediaInput:
    """Return a frame as a service sees it."""
    return MediaInput(
        bucket=frame.image.bucket,
        key=frame.image.key,
        content_type=frame.image.content_type,
        size=frame.image.size,
        width=frame.width,
        height=frame.height,
    )


async def _sample(media: MediaReady, services: Services) -> tuple[SampledFrame, ...]:
    info = MediaInfo(
        kind="video",
        format=media.format,
        duration_seconds=media.duration_seconds,
        width=media.width,
        height=media.height,
    )
    async with services.objects.fetched(media.asset) as path:
        pictures = await sampling.sample(path, info, subject_of(media))
    frames = tuple([await _store(media, picture, services) for picture in pictures])
    # Stored last: an index means that every frame of it is stored.
    await services.blobs.put_blob(media.asset, INDEX, msgspec.json.encode(frames), "application/json")
    return frames


async def _store(media: MediaReady, picture: SampledPicture, services: Services) -> SampledFrame:
    name = f"{FRAMES}.{round(picture.at * 1000):09}.jpg"
    image = await services.blobs.put_blob(media.asset, name, picture.content, sampling.CONTENT_TYPE)
    return SampledFrame(picture.at, picture.width, picture.height, image, picture.repeats)
