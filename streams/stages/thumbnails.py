"""Make previews: a smaller picture, moments of a video, the waveform of sound."""

from __future__ import annotations

import tempfile
from pathlib import Path

from headrace.schemas import topics
from headrace.schemas.records import MediaThumbnailed, MediaUploaded, Picture
from headrace.streams.media import probe as media_probe
from headrace.streams.media import thumbnails as media_thumbnails
from headrace.streams.services import Services
from headrace.streams.stage import IS_FILE, Stage, Transform


async def thumbnails(uploaded: MediaUploaded, services: Services) -> MediaThumbnailed:
    """Store previews of at most 640 pixels; none for what cannot be shown."""
    asset = uploaded.asset
    pictures = []
    async with services.objects.fetched(asset) as path:
        probe = await media_probe.probe(path)
        with tempfile.TemporaryDirectory(prefix="headrace-") as folder:
            for number, made in enumerate(await media_thumbnails.thumbnails(path, probe, Path(folder))):
                name = f"thumbnails@1.{number}{made.path.suffix}"
                location = await services.blobs.put_blob(asset, name, made.path.read_bytes(), made.content_type)
                pictures.append(
                    Picture(location=location, width=made.width, height=made.height, at_seconds=made.at_seconds)
                )
    return MediaThumbnailed(asset=asset, pictures=tuple(pictures))


STAGE = Stage(
    "thumbnails", reads=(topics.UPLOADED,), writes=topics.THUMBNAILED, when=IS_FILE, handler=Transform(thumbnails)
)
