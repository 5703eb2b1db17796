"""Turn speech into text."""

from __future__ import annotations

from schemas import topics
from schemas.records import MediaReady, MediaTranscribed
from streams.services import Services
from streams.stage import Finished, Job, Stage

EXCERPT = 300


async def start(media: MediaReady, token: str, services: Services) -> str:
    """Submit what has sound, and let go."""
    return await services.speech.start(media.asset, token)


async def finish(finished: Finished, services: Services) -> MediaTranscribed:
    """Fetch what was said."""
    seconds = finished.record.duration_seconds or 0.0
    heard = await services.speech.heard(finished.job.job_id, seconds)
    keep = services.blobs.keep
    subtitles = None
    if heard.subtitles is not None:
        subtitles = await keep(finished.asset, "transcript@1.vtt", heard.subtitles, "text/vtt")
    return MediaTranscribed(
        asset=finished.asset,
        language=heard.language,
        excerpt=heard.text[:EXCERPT],
        words=len(heard.text.split()),
        result=await keep(finished.asset, "transcript@1.answer.json", heard.answer, "application/json"),
        subtitles=subtitles,
        charges=heard.charges,
    )


STAGE = Stage(
    "transcript",
    reads=(topics.READY,),
    writes=topics.TRANSCRIBED,
    when={"kind": ["audio", "video"], "audio_codec": [{"exists": True}]},
    calls=("transcribe.start_transcription_job", "transcribe.get_transcription_job"),
    job=Job("transcribe", "StartTranscriptionJob", start, finish),
)
