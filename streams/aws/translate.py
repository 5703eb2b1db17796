"""`streams.services.Translator` over Amazon Translate.

Source: Amazon Translate Developer Guide, "Guidelines and limits": 10,000 bytes a call.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from headrace.streams.aws.client import AwsClient
from headrace.streams.costs.prices import charge
from headrace.streams.media.text_chunks import split_text
from headrace.streams.service_results import Translation

MOST_BYTES = 10_000
AUTO = "auto"


class Translate:
    """Turns text into another language, through Translate."""

    def __init__(self, aws: AwsClient) -> None:
        self._aws = aws

    async def translate(self, texts: Sequence[str], source: str, target: str) -> Translation:
        """Translate each text. Short ones share a call, a line each, where the answer keeps the lines."""
        made: list[str] = []
        characters = 0
        told = source
        for batch in _batches(texts):
            joined = "\n".join(batch)
            answer, told = await self._whole(joined, source, target)
            characters += len(joined)
            lines = answer.split("\n")
            if len(batch) > 1 and len(lines) != len(batch):
                lines = [(await self._whole(text, source, target))[0] for text in batch]
                characters += len(joined)
            made += lines if len(batch) > 1 else [answer]
        return Translation(tuple(made), told, (charge("translate", "TranslateText", characters),))

    async def _whole(self, text: str, source: str, target: str) -> tuple[str, str]:
        """Translate one text of any length, part by part, and say which language it was in."""
        made, told = [], source
        for part in split_text(text, MOST_BYTES):
            content = part.content.rstrip()
            answer = await self._aws.call(
                "translate",
                "translate_text",
                Text=content,
                SourceLanguageCode=source or AUTO,
                TargetLanguageCode=target,
            )
            made.append(answer["TranslatedText"] + part.content[len(content) :])
            told = answer["SourceLanguageCode"]
        return "".join(made), told


def _batches(texts: Sequence[str]) -> Iterator[list[str]]:
    """Put single lines together as long as they fit into one call."""
    batch: list[str] = []
    size = 0
    for text in texts:
        needed = len(text.encode()) + 1
        if batch and (size + needed > MOST_BYTES or "\n" in text):
            yield batch
            batch, size = [], 0
        batch.append(text)
        size += MOST_BYTES if "\n" in text else needed
    if batch:
        yield batch
