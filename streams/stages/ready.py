"""Fan in: join the scan and the metadata of a file. The paid stages read the resulting event."""

from __future__ import annotations

from headrace.schemas import topics
from headrace.schemas.records import Asset, MediaProbed, MediaReady, MediaScanned
from headrace.streams.handlers import FanIn
from headrace.streams.results import AssetResults
from headrace.streams.stage import Stage


async def ready(asset: Asset, results: AssetResults) -> MediaReady | None:
    """Return the joined event; None while one of the results is missing."""
    scanned, probed = await results.event("scan"), await results.event("probe")
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
