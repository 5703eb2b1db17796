"""Fan in: what is scanned clean and can be read is worth paying for."""

from __future__ import annotations

from headrace.schemas import topics
from headrace.schemas.records import Asset, MediaProbed, MediaReady, MediaScanned
from headrace.streams.results import AssetResults
from headrace.streams.stage import FanIn, Stage


async def ready(asset: Asset, shelf: AssetResults) -> MediaReady | None:
    """Join both findings once both are there."""
    scanned, probed = await shelf.event("scan"), await shelf.event("probe")
    if not (isinstance(scanned, MediaScanned) and isinstance(probed, MediaProbed)):
        return None
    return MediaReady(
        asset=asset,
        content_type=scanned.content_type,
        sha256=scanned.sha256,
        kind=probed.kind,
        format=probed.format,
        duration_seconds=probed.duration_seconds,
        width=probed.width,
        height=probed.height,
        video_codec=probed.video_codec,
        audio_codec=probed.audio_codec,
        frame_rate=probed.frame_rate,
        bit_rate=probed.bit_rate,
        tags=probed.tags,
    )


STAGE = Stage("ready", reads=(topics.SCANNED, topics.PROBED), writes=topics.READY, handler=FanIn(ready))
