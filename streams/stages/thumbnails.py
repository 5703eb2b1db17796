"""Create previews: a scaled image, frames of a video, or the waveform of audio."""

from __future__ import annotations

import tempfile
from pathlib import Path

from headrace.schemas import topics
from headrace.schemas.records import MediaThumbnailed, MediaUploaded, Picture
from headrace.streams.handlers import Transform
from headrace.streams.media import probe as media_probe
from headrace.streams.media import thumbnails as media_thumbnails
from headrace.streams.services import Services
from headrace.streams.stage import Stage
from headrace.streams.stages._inputs import IS_FILE


async def thumbnails(uploaded: MediaUploaded, services: Services) -> MediaThumbnailed:
    """Store previews of at most 640 pixels; none for content without a preview."""
    asset, source = uploaded.asset, topics.subject_of(uploaded)
    pictures = []
    async with services.objects.fetched(asset) as path:
        probe = await media_probe.probe(path, source)
        with tempfile.TemporaryDirectory(prefix="headrace-") as folder:
            for number, thumbnail in enumerate(await media_thumbnails.thumbnails(path, probe, Path(folder), source)):
                name = f"thumbnails@1.{number}{thumbnail.path.suffix}"
                location = await services.blobs.put_blob(
                    asset, name, thumbnail.path.read_bytes(), thumbnail.content_type
                )
                pictures.append(
                    Picture(
                        location=location,
                        width=thumbnail.width,
                        height=thumbnail.height,
                        at_seconds=thumbnail.at_seconds,
                    )
                )
    return MediaThumbnailed(asset=asset, pictures=tuple(pictures))


STAGE = Stage(
    "thumbnails",
    reads=(topics.UPLOADED,),
    writes=topics.THUMBNAILED,
    when=IS_FILE,
    handler=Transform(thumbnails),
    programs=("ffmpeg",),
)
