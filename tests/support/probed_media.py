"""The event of a file that was probed."""

from __future__ import annotations

from pathlib import Path

from headrace.schemas.records import MediaReady
from headrace.streams.media.probe import probe
from tests.support.records import ready


async def described(path: Path) -> MediaReady:
    """Probe a file, and return the event with its facts."""
    info = await probe(path)
    return ready(
        kind=info.kind,
        format=info.format,
        duration_seconds=info.duration_seconds,
        width=info.width,
        height=info.height,
        video_codec=info.video_codec,
        audio_codec=info.audio_codec,
    )
