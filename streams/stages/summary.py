"""Sum a text up."""

from __future__ import annotations

from typing import Any

from headrace.schemas.records import Charge, MediaSummarised
from headrace.schemas.topics import DOCUMENTS, SUMMARISED, TRANSCRIBED
from headrace.streams.media.text_chunks import split_text
from headrace.streams.services import Services
from headrace.streams.stage import Stage, Transform
from headrace.streams.stages._text import HAS_WORDS, text_of

PART_BYTES = 40_000
LONGEST = 2_000
EACH = "Summarise the following part of a longer text in at most five sentences, in the language of the text."
WHOLE = "Summarise the following text in at most five sentences, in the language of the text."


def summary_stage(model: str = "amazon.nova-lite-v1:0", options: tuple[str, ...] = ()) -> Stage:
    """Build the stage that lets a model sum up; a long text part by part, and then the summaries of its parts."""

    async def summarise(record: Any, services: Services) -> MediaSummarised:
        text = (await text_of(record, services)).content
        pieces = [part.content for part in split_text(text, PART_BYTES)]
        charges: list[Charge] = []
        read = written = 0

        async def write(instruction: str, content: str) -> str:
            nonlocal read, written
            made = await services.writer.write(instruction, content, model)
            read, written = read + made.input_tokens, written + made.output_tokens
            charges.extend(made.charges)
            return made.text

        content = text if len(pieces) <= 1 else "\n".join([await write(EACH, piece) for piece in pieces])
        whole = await write(WHOLE, content)
        name = f"{stage.result_name}.txt"
        return MediaSummarised(
            asset=record.asset,
            summary=whole[:LONGEST],
            model=model,
            parts=len(pieces),
            input_tokens=read,
            output_tokens=written,
            result=await services.blobs.put_blob(record.asset, name, whole.encode(), "text/plain; charset=utf-8"),
            charges=tuple(charges),
        )

    stage = Stage(
        "summary",
        reads=(TRANSCRIBED, DOCUMENTS),
        writes=SUMMARISED,
        when=HAS_WORDS,
        handler=Transform(summarise),
        options=options,
        factory=summary_stage,
        paid_operations=("bedrock-runtime.converse",),
    )
    return stage


STAGE = summary_stage()
