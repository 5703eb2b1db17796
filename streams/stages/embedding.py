"""Embed the passages of a text as vectors, so that a search finds passages with a similar meaning.

Passages are those of the search index: sentences of transcripts and parts of pages.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

import msgspec

from headrace.schemas.parsing import InvalidValueError, parse_struct
from headrace.schemas.records import Asset, DocumentAnalysed, MediaEmbedded, MediaTranscribed
from headrace.schemas.topics import DOCUMENTS, EMBEDDED, TRANSCRIBED
from headrace.streams.embeddings import TITAN_V2, EmbeddingModel
from headrace.streams.errors import PermanentError, StageError
from headrace.streams.handlers import Transform
from headrace.streams.passages.embedded import MOST_EMBEDDED, EmbeddedPassage, EmbeddedText
from headrace.streams.passages.passage import Passage
from headrace.streams.passages.speech_text import page_passages, transcript_passages
from headrace.streams.passages.vectors import pack_vector
from headrace.streams.services import Services
from headrace.streams.stage import Stage
from headrace.streams.stages._text import HAS_WORDS

CONCURRENT_CALLS = 8
CHECKPOINT = 500
"""Texts after which the answers are stored, so that a retry does not pay for them again."""
JSON = "application/json"


class _Answer(msgspec.Struct, frozen=True, array_like=True):
    tokens: int
    vector: bytes


_Answers = dict[str, _Answer]
"""The answer for each text."""


@dataclass(frozen=True, slots=True)
class _Calls:
    """The calls for one asset version. `name` is that of the stored result."""

    services: Services
    asset: Asset
    model: EmbeddingModel
    name: str


def embedding_stage(model: str = TITAN_V2, dimensions: int = 512, options: tuple[str, ...] = ()) -> Stage:
    """Build the stage.

    Raises:
        ValueError: the model is unknown, or does not offer this number of dimensions.
    """
    embedding_model = EmbeddingModel(model, dimensions)

    async def embed(record: MediaTranscribed | DocumentAnalysed, services: Services) -> MediaEmbedded:
        passages = await _passages(record, services)
        texts = tuple(dict.fromkeys(each.text for each in passages))
        answers = await _answers(_Calls(services, record.asset, embedding_model, stage.result_name), texts)
        tokens = sum(each.tokens for each in answers.values())
        content = msgspec.json.encode(_embedded(embedding_model, passages, answers))
        name = f"{stage.result_name}.vectors.json"
        return MediaEmbedded(
            asset=record.asset,
            model=model,
            dimensions=dimensions,
            passages=len(passages),
            tokens=tokens,
            result=await services.blobs.put_blob(record.asset, name, content, JSON),
            charges=(services.embedder.charge(embedding_model, tokens),) if tokens else (),
        )

    stage = Stage(
        "embedding",
        reads=(TRANSCRIBED, DOCUMENTS),
        writes=EMBEDDED,
        when=HAS_WORDS,
        handler=Transform(embed),
        options=options,
        factory=embedding_stage,
        paid_operations=("bedrock-runtime.invoke_model",),
        models=(model,),
        priced_features=(model,),
        summary=summary,
        embeds=embedding_model,
    )
    return stage


def summary(event: MediaEmbedded) -> str:
    """Return the number of passages, and the model."""
    return f"{event.passages:,} passage{'s' * (event.passages != 1)}, {event.model}, {event.dimensions} dimensions"


async def _passages(record: MediaTranscribed | DocumentAnalysed, services: Services) -> tuple[Passage, ...]:
    content = await services.blobs.read(record.result)
    try:
        if isinstance(record, MediaTranscribed):
            return tuple(islice(transcript_passages(content, record.language.lower()), MOST_EMBEDDED))
        return tuple(islice(page_passages(content), MOST_EMBEDDED))
    except InvalidValueError as error:
        raise PermanentError("invalid_result", f"{record.EVENT} at {record.result.key}: {error}") from error


def _embedded(model: EmbeddingModel, passages: Sequence[Passage], answers: _Answers) -> EmbeddedText:
    found = (
        EmbeddedPassage(each.text, answers[each.text].vector, each.start, each.end, each.page) for each in passages
    )
    kind, language = (passages[0].kind, passages[0].language) if passages else ("transcript", "")
    return EmbeddedText(model.name, model.dimensions, kind, language, tuple(found))


async def _answers(calls: _Calls, texts: Sequence[str]) -> _Answers:
    """Return the answer for each text. Raises the error of the first call that failed, once answers are stored."""
    found: _Answers = {}
    for begin in range(0, len(texts), CHECKPOINT):
        found |= await _batch(calls, texts[begin : begin + CHECKPOINT], is_last=begin + CHECKPOINT >= len(texts))
    return found


async def _batch(calls: _Calls, texts: Sequence[str], is_last: bool) -> _Answers:
    """Return the answers of a batch. They are stored unless the result, which follows the last batch, has them."""
    digest = hashlib.sha256("\n".join(texts).encode()).hexdigest()[:16]
    name = f"{calls.name}.{digest}.answers.json"
    stored = await calls.services.blobs.find_blob(calls.asset, name, JSON)
    known = parse_struct(await calls.services.blobs.read(stored), _Answers) if stored else {}
    answers = dict(known)
    try:
        await _ask(calls, [text for text in texts if text not in known], answers)
    finally:
        if len(answers) > len(known) and not (is_last and len(answers) == len(texts)):
            await calls.services.blobs.put_blob(calls.asset, name, msgspec.json.encode(answers), JSON)
    return answers


async def _ask(calls: _Calls, texts: Sequence[str], answers: _Answers) -> None:
    """Add the answer for each text. After an error no call is started; calls in progress, which are billed, end."""
    waiting, errors = iter(texts), list[StageError]()

    async def work() -> None:
        for text in waiting:
            try:
                found = await calls.services.embedder.embed(text, calls.model)
            except StageError as error:
                errors.append(error)
            else:
                answers[text] = _Answer(found.tokens, pack_vector(found.vector))
            if errors:
                return

    await asyncio.gather(*(work() for _ in range(CONCURRENT_CALLS)))
    if errors:
        raise errors[0]


STAGE = embedding_stage()
