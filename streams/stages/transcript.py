"""Transcribe speech."""

from __future__ import annotations

from headrace.schemas import topics
from headrace.schemas.records import MediaTranscribed
from headrace.streams.handlers import AsyncJob, FinishedJob
from headrace.streams.service_results import Transcript
from headrace.streams.services import Services
from headrace.streams.stage import Stage
from headrace.streams.stages._inputs import Proxied, media_for
from headrace.streams.stages._speech import OPERATION, PAID_OPERATIONS, PROXIED_SOUND, SOUND
from headrace.streams.stages._text import excerpt


def transcript_stage(speakers: int = 0, vocabulary: str = "", options: tuple[str, ...] = ()) -> Stage:
    """Build the stage. It separates up to `speakers` speakers, and uses a custom vocabulary of the account."""

    async def start(record: Proxied, token: str, services: Services) -> str:
        return await services.speech.start(media_for("transcribe", record), token, speakers, vocabulary)

    async def finish(finished: FinishedJob, services: Services) -> MediaTranscribed:
        seconds = finished.record.duration_seconds or 0.0
        return await store(finished, await services.speech.get_result(finished.job.job_id, seconds), services)

    async def explain(failed: FinishedJob, services: Services) -> MediaTranscribed | None:
        """Return an empty transcript for audio without speech: that is a result, not a failure."""
        transcript = services.speech.silence(failed.job.message or "")
        return None if transcript is None else await store(failed, transcript, services)

    async def store(finished: FinishedJob, transcript: Transcript, services: Services) -> MediaTranscribed:
        put_blob, name = services.blobs.put_blob, stage.result_name
        subtitles = None
        if transcript.subtitles is not None:
            subtitles = await put_blob(finished.asset, f"{name}.vtt", transcript.subtitles, "text/vtt")
        return MediaTranscribed(
            asset=finished.asset,
            language=transcript.language,
            excerpt=excerpt(transcript.text),
            words=len(transcript.text.split()),
            result=await put_blob(finished.asset, f"{name}.answer.json", transcript.answer, "application/json"),
            subtitles=subtitles,
            charges=transcript.charges,
            no_speech=not transcript.text.strip(),
        )

    stage = Stage(
        "transcript",
        reads=(topics.READY,),
        writes=topics.TRANSCRIBED,
        when=SOUND,
        when_proxied=PROXIED_SOUND,
        handler=AsyncJob("transcribe", OPERATION, start, finish, explain=explain),
        options=options,
        factory=transcript_stage,
        paid_operations=PAID_OPERATIONS,
    )
    return stage


STAGE = transcript_stage()
