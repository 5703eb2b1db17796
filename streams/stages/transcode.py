"""Create a proxy video, an audio file and frames; optionally an HLS stream."""

from __future__ import annotations

from headrace.schemas.records import MediaReady, MediaTranscoded
from headrace.schemas.topics import READY, TRANSCODED
from headrace.streams.handlers import AsyncJob, FinishedJob
from headrace.streams.services import Services
from headrace.streams.stage import Stage
from headrace.streams.stages._inputs import services_that_need_a_proxy


def transcode_stage(height: int = 360, hls: bool = False, options: tuple[str, ...] = ()) -> Stage:
    """Build the stage. Proxies are at most `height` pixels high; `hls` adds an HLS stream."""

    async def start(media: MediaReady, token: str, services: Services) -> str:
        return await services.transcoder.start(media, token, height, hls)

    async def finish(finished: FinishedJob, services: Services) -> MediaTranscoded:
        media: MediaReady = finished.record
        result = await services.transcoder.get_result(finished.job.job_id, media.duration_seconds or 0.0)
        return MediaTranscoded(
            asset=finished.asset,
            files=result.files,
            charges=result.charges,
            duration_seconds=media.duration_seconds,
            proxy_for=services_that_need_a_proxy(media),
        )

    return Stage(
        "transcode",
        reads=(READY,),
        writes=TRANSCODED,
        when={"kind": ["video"]},
        handler=AsyncJob("mediaconvert", "CreateJob", start, finish, idempotent_start=False),
        options=options,
        factory=transcode_stage,
        paid_operations=("mediaconvert.create_job", "mediaconvert.get_job"),
        priced_features=("", "HLS") if hls else (),
    )


STAGE = transcode_stage()
