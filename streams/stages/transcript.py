"""Turn speech into text."""

from __future__ import annotations

from headrace.schemas import topics
from headrace.schemas.records import MediaReady, MediaTranscribed
from headrace.streams.services import Services
from headrace.streams.stage import AsyncJob, FinishedJob, Stage
from headrace.streams.stages._text import excerpt


def transcript_stage(speakers: int = 0, vocabulary: str = "", options: tuple[str, ...] = ()) -> Stage:
    """Build the stage; it tells up to so many speakers apart, and knows the words of a vocabulary of the account's."""

    async def start(media: MediaReady, token: str, services: Services) -> str:
        """Submit what has sound, and let go."""
        return await services.speech.start(media.asset, token, speakers, vocabulary)

    async def finish(finished: FinishedJob, services: Services) -> MediaTranscribed:
        """Fetch what was said."""
        seconds = finished.record.duration_seconds or 0.0
        heard = await services.speech.get_result(finished.job.job_id, seconds)
        keep, name = services.blobs.put_blob, stage.result_name
        subtitles = None
        if heard.subtitles is not None:
            subtitles = await keep(finished.asset, f"{name}.vtt", heard.subtitles, "text/vtt")
        return MediaTranscribed(
            asset=finished.asset,
            language=heard.language,
            excerpt=excerpt(heard.text),
            words=len(heard.text.split()),
            result=await keep(finished.asset, f"{name}.answer.json", heard.answer, "application/json"),
            subtitles=subtitles,
            charges=heard.charges,
        )

    stage = Stage(
        "transcript",
        reads=(topics.READY,),
        writes=topics.TRANSCRIBED,
        when={"kind": ["audio", "video"], "audio_codec": [{"exists": True}]},
        handler=AsyncJob("transcribe", "StartTranscriptionJob", start, finish),
        options=options,
        factory=transcript_stage,
        paid_operations=("transcribe.start_transcription_job", "transcribe.get_transcription_job"),
    )
    return stage


STAGE = transcript_stage()
