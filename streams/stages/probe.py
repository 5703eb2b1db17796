"""Read the technical metadata of a file. Fails for files that no decoder reads."""

from __future__ import annotations

from headrace.schemas import topics
from headrace.schemas.records import MediaProbed, MediaUploaded
from headrace.streams.handlers import Transform
from headrace.streams.media import probe as media_probe
from headrace.streams.services import Services
from headrace.streams.stage import Stage
from headrace.streams.stages._inputs import IS_FILE


def probe_stage(tags: bool = False, options: tuple[str, ...] = ()) -> Stage:
    """Build the stage; `tags` reads the object's tags too, with one more S3 call."""

    async def probe(uploaded: MediaUploaded, services: Services) -> MediaProbed:
        """Return the metadata.

        Raises:
            PermanentError: no decoder reads the file.
        """
        async with services.objects.fetched(uploaded.asset) as path:
            metadata = await media_probe.probe(path, topics.subject_of(uploaded))
        return MediaProbed(
            asset=uploaded.asset,
            kind=metadata.kind,
            format=metadata.format,
            duration_seconds=metadata.duration_seconds,
            width=metadata.width,
            height=metadata.height,
            video_codec=metadata.video_codec,
            audio_codec=metadata.audio_codec,
            frame_rate=metadata.frame_rate,
            bit_rate=metadata.bit_rate,
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
        programs=("ffmpeg",),
    )


STAGE = probe_stage()
