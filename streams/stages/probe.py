"""Read the technical metadata, and find out whether the file can be read at all."""

from __future__ import annotations

from headrace.schemas import topics
from headrace.schemas.records import MediaProbed, MediaUploaded
from headrace.streams.media import probe as media_probe
from headrace.streams.services import Services
from headrace.streams.stage import IS_FILE, Stage, Transform


def probe_stage(tags: bool = False, options: tuple[str, ...] = ()) -> Stage:
    """Build the stage; with `tags` it also asks S3 for the object's tags, which one more call costs."""

    async def probe(uploaded: MediaUploaded, services: Services) -> MediaProbed:
        """Describe the file; one that no player could read raises `Unprocessable`."""
        async with services.objects.fetched(uploaded.asset) as path:
            found = await media_probe.probe(path)
        return MediaProbed(
            asset=uploaded.asset,
            kind=found.kind,
            format=found.format,
            duration_seconds=found.duration_seconds,
            width=found.width,
            height=found.height,
            video_codec=found.video_codec,
            audio_codec=found.audio_codec,
            frame_rate=found.frame_rate,
            bit_rate=found.bit_rate,
            tags=await services.objects.tags(uploaded.asset) if tags else None,
        )

    return Stage(
        "probe",
        reads=(topics.UPLOADED,),
        writes=topics.PROBED,
        when=IS_FILE,
        handler=Transform(probe),
        options=options,
        factory=probe_stage,
    )


STAGE = probe_stage()
