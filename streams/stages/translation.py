"""Translate a text and its subtitles."""

from __future__ import annotations

from typing import Any

from headrace.schemas.records import MediaTranslated, Pointer
from headrace.schemas.topics import DOCUMENTS, TRANSCRIBED, TRANSLATED
from headrace.streams.handlers import Transform
from headrace.streams.media import webvtt
from headrace.streams.services import Services
from headrace.streams.stage import Stage
from headrace.streams.stages._text import HAS_WORDS, excerpt, text_of


def translation_stage(to: str = "de", options: tuple[str, ...] = ()) -> Stage:
    """Build the stage that translates into the language with the code `to`."""

    async def translate(record: Any, services: Services) -> MediaTranslated:
        """Translate the text. Subtitles keep their time codes."""
        text = await text_of(record, services)
        translated = await services.translator.translate([text.content], text.language, to)
        cues, charges = await _subtitles(record, services, text.language)
        name = f"{stage.result_name}.{to}"
        return MediaTranslated(
            asset=record.asset,
            source=translated.source,
            target=to,
            words=len(translated.texts[0].split()),
            excerpt=excerpt(translated.texts[0]),
            text=await services.blobs.put_blob(
                record.asset, f"{name}.txt", translated.texts[0].encode(), "text/plain; charset=utf-8"
            ),
            subtitles=await services.blobs.put_blob(record.asset, f"{name}.vtt", cues, "text/vtt") if cues else None,
            charges=(*translated.charges, *charges),
        )

    async def _subtitles(record: Any, services: Services, source: str) -> tuple[bytes, tuple[Any, ...]]:
        pointer: Pointer | None = getattr(record, "subtitles", None)
        if pointer is None:
            return b"", ()
        parsed = webvtt.parse((await services.blobs.read(pointer)).decode())
        if not parsed.texts:
            return b"", ()
        translated = await services.translator.translate(parsed.texts, source, to)
        return parsed.with_texts(translated.texts).encode(), translated.charges

    stage = Stage(
        "translation",
        reads=(TRANSCRIBED, DOCUMENTS),
        writes=TRANSLATED,
        when=HAS_WORDS,
        handler=Transform(translate),
        options=options,
        factory=translation_stage,
        paid_operations=("translate.translate_text",),
    )
    return stage


STAGE = translation_stage()
