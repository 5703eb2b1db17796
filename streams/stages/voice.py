"""Synthesise speech from a translation."""

from __future__ import annotations

from headrace.schemas.records import MediaTranslated, MediaVoiced
from headrace.schemas.topics import TRANSLATED, VOICED
from headrace.streams.handlers import AsyncJob, FinishedJob
from headrace.streams.services import Services
from headrace.streams.stage import Stage
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
    """Build the stage. Without a voice it uses the voice of the language in `VOICES`."""

    async def start(translated: MediaTranslated, token: str, services: Services) -> str:
        text = await text_of(translated, services)
        return await services.voice.start(text.content, voice or VOICES[translated.target[:2]], token)

    async def finish(finished: FinishedJob, services: Services) -> MediaVoiced:
        speech = await services.voice.get_result(finished.job.job_id)
        return MediaVoiced(
            asset=finished.asset,
            voice=speech.voice,
            language=speech.language or finished.record.target,
            characters=speech.characters,
            bucket=speech.bucket,
            key=speech.key,
            charges=speech.charges,
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
