"""Transcribe speech without personal data. It is off by default; its job is apart from that of the plain transcript."""

from __future__ import annotations

from headrace.schemas.parsing import InvalidValueError
from headrace.schemas.records import TranscriptRedacted
from headrace.schemas.topics import READY, REDACTED_TRANSCRIPT
from headrace.streams.errors import PermanentError
from headrace.streams.handlers import AsyncJob, FinishedJob
from headrace.streams.limits.service_inputs import REDACTION_LANGUAGES
from headrace.streams.media.redacted_speech import SpokenItem, spoken_items, webvtt
from headrace.streams.service_results import Transcript
from headrace.streams.services import Services
from headrace.streams.stage import Stage
from headrace.streams.stages._inputs import Proxied, media_for
from headrace.streams.stages._speech import OPERATION, PAID_OPERATIONS, PROXIED_SOUND, SOUND
from headrace.streams.stages._text import excerpt


def redact_transcript_stage(language: str = "", options: tuple[str, ...] = ()) -> Stage:
    """Build the stage for speech in a language, such as `en-US`: Transcribe identifies no language when it redacts.

    Raises:
        ValueError: Transcribe does not redact this language.
    """
    if language and language not in REDACTION_LANGUAGES:
        known = ", ".join(sorted(REDACTION_LANGUAGES))
        raise ValueError(f"language = {language!r}: Amazon Transcribe redacts {known}")

    async def start(record: Proxied, token: str, services: Services) -> str:
        return await services.speech.start_redacted(media_for("transcribe", record), token, language)

    async def finish(finished: FinishedJob, services: Services) -> TranscriptRedacted:
        seconds = finished.record.duration_seconds or 0.0
        return await store(finished, await services.speech.get_result(finished.job.job_id, seconds), services)

    async def explain(failed: FinishedJob, services: Services) -> TranscriptRedacted | None:
        """Return an empty transcript for audio without speech: that is a result, not a failure."""
        transcript = services.speech.silence(failed.job.message or "")
        return None if transcript is None else await store(failed, transcript, services)

    async def store(finished: FinishedJob, transcript: Transcript, services: Services) -> TranscriptRedacted:
        put_blob, name = services.blobs.put_blob, services.result_name
        items = _items(transcript)
        subtitles = None
        if items:
            subtitles = await put_blob(finished.asset, f"{name}.vtt", webvtt(items).encode(), "text/vtt")
        return TranscriptRedacted(
            asset=finished.asset,
            language=transcript.language,
            excerpt=excerpt(transcript.text),
            words=len(transcript.text.split()),
            redactions=sum(item.redacted for item in items),
            result=await put_blob(finished.asset, f"{name}.answer.json", transcript.answer, "application/json"),
            subtitles=subtitles,
            charges=transcript.charges,
            no_speech=not transcript.text.strip(),
        )

    return Stage(
        "redact-transcript",
        reads=(READY,),
        writes=REDACTED_TRANSCRIPT,
        when=SOUND,
        when_proxied=PROXIED_SOUND,
        handler=AsyncJob("transcribe", OPERATION, start, finish, explain=explain),
        required=("language",),
        options=options,
        factory=redact_transcript_stage,
        paid_operations=PAID_OPERATIONS,
        priced_features=("", "ContentRedaction"),
        summary=summarize,
    )


def summarize(event: TranscriptRedacted) -> str:
    """Return the number of words and of removals, such as `12 words en-US, 2 removed`."""
    if not event.words:
        return "no words"
    return f"{event.words} word{'s' * (event.words != 1)} {event.language}, {event.redactions or 'none'} removed"


def _items(transcript: Transcript) -> tuple[SpokenItem, ...]:
    try:
        return spoken_items(transcript.answer)
    except InvalidValueError as error:
        raise PermanentError("invalid_result", f"the redacted transcript: {error}") from error


STAGE = redact_transcript_stage()
