"""`streams.services.Translator` over Amazon Translate.

Size and languages are from `streams.limits.service_inputs`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from headrace.streams.aws.client import AwsClient
from headrace.streams.costs.prices import PriceList
from headrace.streams.limits.input_check import supported_language
from headrace.streams.limits.service_inputs import text_rule
from headrace.streams.media.text_chunks import split_text
from headrace.streams.service_results import Translation

AUTO = "auto"


class Translate:
    """Translates text with Translate."""

    def __init__(self, aws: AwsClient, prices: PriceList) -> None:
        self._aws = aws
        self._prices = prices

    async def translate(self, texts: Sequence[str], source: str, target: str) -> Translation:
        """Translate each text. Short texts share a call as separate lines, if the response keeps the lines.

        Texts that are in the target language are returned without a call.

        Raises:
            PermanentError: `unsupported_language`: Translate does not support one of the languages.
        """
        target = supported_language("translate", "TranslateText", target)
        source = supported_language("translate", "TranslateText", source) if source else ""
        if source == target:
            return Translation(tuple(texts), source, ())
        translated: list[str] = []
        characters = 0
        language = source
        for batch in _batches(texts):
            joined = "\n".join(batch)
            response, language = await self._translate_text(joined, source, target)
            characters += len(joined)
            lines = response.split("\n")
            if len(batch) > 1 and len(lines) != len(batch):
                lines = [(await self._translate_text(text, source, target))[0] for text in batch]
                characters += len(joined)
            translated += lines if len(batch) > 1 else [response]
        return Translation(
            tuple(translated), language, (self._prices.charge("translate", "TranslateText", characters),)
        )

    async def _translate_text(self, text: str, source: str, target: str) -> tuple[str, str]:
        """Translate a text in chunks; return the translation and the source language."""
        translated, language = [], source
        for chunk in split_text(text, _max_bytes()):
            content = chunk.content.rstrip()
            response = await self._aws.call(
                "translate",
                "translate_text",
                Text=content,
                SourceLanguageCode=source or AUTO,
                TargetLanguageCode=target,
            )
            translated.append(response["TranslatedText"] + chunk.content[len(content) :])
            language = response["SourceLanguageCode"]
        return "".join(translated), language


def _max_bytes() -> int:
    return text_rule("translate", "TranslateText").max_bytes or 0


def _batches(texts: Sequence[str]) -> Iterator[list[str]]:
    """Group single-line texts that fit into one call."""
    longest = _max_bytes()
    batch: list[str] = []
    size = 0
    for text in texts:
        needed = len(text.encode()) + 1
        if batch and (size + needed > longest or "\n" in text):
            yield batch
            batch, size = [], 0
        batch.append(text)
        size += longest if "\n" in text else needed
    if batch:
        yield batch
