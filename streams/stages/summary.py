"""Summarise a text with a language model."""

from __future__ import annotations

from typing import Any

from headrace.schemas.records import Charge, MediaSummarised
from headrace.schemas.topics import DOCUMENTS, SUMMARISED, TRANSCRIBED
from headrace.streams.handlers import Transform
from headrace.streams.media.text_chunks import split_text
from headrace.streams.services import Services
from headrace.streams.stage import Stage
from headrace.streams.stages._text import HAS_WORDS, text_of

PART_BYTES = 40_000
MAX_CHARACTERS = 2_000
PART_INSTRUCTION = (
    "Summarise the following part of a longer text in at most five sentences, in the language of the text."
)
INSTRUCTION = "Summarise the following text in at most five sentences, in the language of the text."


def summary_stage(model: str = "amazon.nova-lite-v1:0", options: tuple[str, ...] = ()) -> Stage:
    """Build the stage. A long text is summarised in parts, and then the summaries of its parts."""

    async def summarise(record: Any, services: Services) -> MediaSummarised:
        text = (await text_of(record, services)).content
        parts = [each.content for each in split_text(text, PART_BYTES)]
        charges: list[Charge] = []
        input_tokens = output_tokens = 0

        async def write(instruction: str, content: str) -> str:
            nonlocal input_tokens, output_tokens
            completion = await services.writer.write(instruction, content, model)
            input_tokens += completion.input_tokens
            output_tokens += completion.output_tokens
            charges.extend(completion.charges)
            return completion.text

        content = text if len(parts) <= 1 else "\n".join([await write(PART_INSTRUCTION, part) for part in parts])
        summary = await write(INSTRUCTION, content)
        name = f"{stage.result_name}.txt"
        return MediaSummarised(
            asset=record.asset,
            summary=summary[:MAX_CHARACTERS],
            model=model,
            parts=len(parts),
            input_tokens=input_tokens,
            output_tokens=output_tokens,
            result=await services.blobs.put_blob(record.asset, name, summary.encode(), "text/plain; charset=utf-8"),
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
        models=(model,),
    )
    return stage


STAGE = summary_stage()
