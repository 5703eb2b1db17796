"""Read a translation out."""

from __future__ import annotations

from headrace.schemas.records import MediaTranslated, MediaVoiced
from headrace.schemas.topics import TRANSLATED, VOICED
from headrace.streams.services import Services
from headrace.streams.stage import AsyncJob, FinishedJob, Stage
from headrace.streams.stages._text import HAS_WORDS, text_of

VOICES = {
    "ar": "Hala",
    "de": "Vicki",
    "en": "Joanna",
    "es": "Lucia",
    "fr": "Lea",
    "it": "Bianca",
    "ja": "Takumi",
    "ko": "Seoyeon",
    "nl": "Laura",
    "pl": "Ola",
    "pt": "Camila",
    "sv": "Elin",
    "zh": "Zhiyu",
}
"""A neural voice for each language that has one. Source: Amazon Polly Developer Guide, "Available voices"."""


def voice_stage(voice: str = "", options: tuple[str, ...] = ()) -> Stage:
    """Build the stage that reads out with one voice; without one, the language decides."""

    async def start(translated: MediaTranslated, token: str, services: Services) -> str:
        """Submit the text, and let go."""
        text = await text_of(translated, services)
        return await services.voice.start(text.content, voice or VOICES[translated.target[:2]], token)

    async def finish(finished: FinishedJob, services: Services) -> MediaVoiced:
        """Say where the sound lies."""
        spoken = await services.voice.get_result(finished.job.job_id)
        return MediaVoiced(
            asset=finished.asset,
            voice=spoken.voice,
            language=spoken.language or finished.record.target,
            characters=spoken.characters,
            bucket=spoken.bucket,
            key=spoken.key,
            charges=spoken.charges,
        )

    return Stage(
        "voice",
        reads=(TRANSLATED,),
        writes=VOICED,
        when={**HAS_WORDS, "target": [{"exists": True}] if voice else list(VOICES)},
        handler=AsyncJob("polly", "StartSpeechSynthesisTask", start, finish, idempotent_start=False),
        options=options,
        factory=voice_stage,
        paid_operations=("polly.start_speech_synthesis_task", "polly.get_speech_synthesis_task"),
    )


STAGE = voice_stage()
