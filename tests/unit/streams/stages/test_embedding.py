"""Tests of the stage `embedding`: its passages, and that no answer is paid for twice."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

import pytest

from headrace.schemas.records import Charge, DocumentAnalysed, MediaEmbedded, MediaTranscribed
from headrace.streams.costs.estimates import estimate
from headrace.streams.embeddings import TITAN_V2, Embedding, EmbeddingModel
from headrace.streams.errors import PermanentError, ThrottledError
from headrace.streams.handlers import Transform
from headrace.streams.passages.embedded import EmbeddedText, read_embedded
from headrace.streams.passages.vectors import cosine, pack_vector, sign_bits, unpack_vector
from headrace.streams.results import ResultsStore
from headrace.streams.services import Services
from headrace.streams.stage import Stage
from headrace.streams.stages import embedding
from headrace.streams.stages.embedding import embedding_stage
from tests.support.fake_services import FakeServices, MemoryBucket
from tests.support.prices import PRICES
from tests.support.records import asset

FILM = asset("film.mp4")


@dataclass
class FakeEmbedder:
    """Returns a vector for each text. Call number `fails_at` fails once."""

    fails_at: int = 0
    asked: list[str] = field(default_factory=list)

    async def embed(self, text: str, model: EmbeddingModel) -> Embedding:
        self.asked.append(text)
        if len(self.asked) == self.fails_at:
            self.fails_at = 0
            self.asked.remove(text)
            raise ThrottledError("slow down")
        return Embedding((1.0, *(0.0,) * (model.dimensions - 1)), len(text))

    def charge(self, model: EmbeddingModel, tokens: int) -> Charge:
        return PRICES.charge("bedrock-runtime", f"InvokeModel {model.name}", tokens / 1000)


@dataclass
class World:
    """A stage with its results bucket."""

    embedder: FakeEmbedder = field(default_factory=FakeEmbedder)
    bucket: MemoryBucket = field(default_factory=MemoryBucket)

    @property
    def services(self) -> Services:
        return FakeServices(more=self.embedder).services(ResultsStore(self.bucket))

    async def transcribed(self, *sentences: str) -> MediaTranscribed:
        """Store a transcript; each word takes a second."""
        items, at = [], 0
        for sentence in sentences:
            for word in sentence.split():
                best = {"content": word, "confidence": "0.9"}
                times = {"start_time": str(at), "end_time": str(at + 1)}
                items.append({"type": "pronunciation", "alternatives": [best], **times})
                at += 1
            items.append({"type": "punctuation", "alternatives": [{"content": "."}]})
        content = json.dumps({"results": {"items": items}}).encode()
        result = await ResultsStore(self.bucket).put_blob(FILM, "transcript@1.answer.json", content, "application/json")
        return MediaTranscribed(
            asset=FILM, language="en-US", words=at, excerpt="", result=result, subtitles=None, charges=()
        )

    async def run(self, record: MediaTranscribed | DocumentAnalysed, stage: Stage = embedding.STAGE) -> MediaEmbedded:
        assert isinstance(stage.handler, Transform)
        event = await stage.handler.run(record, self.services)
        assert isinstance(event, MediaEmbedded)
        return event

    async def stored(self, event: MediaEmbedded) -> EmbeddedText:
        return read_embedded(await ResultsStore(self.bucket).read(event.result))


async def test_each_sentence_has_a_vector_and_its_time() -> None:
    world = World()
    event = await world.run(await world.transcribed("Ask not", "Ask what", "Ask not"))
    text = await world.stored(event)
    assert (text.model, text.dimensions, text.kind, text.language) == (TITAN_V2, 512, "transcript", "en-us")
    assert [(each.text, each.start, each.end) for each in text.passages] == [
        ("Ask not.", 0.0, 2.0),
        ("Ask what.", 2.0, 4.0),
        ("Ask not.", 4.0, 6.0),
    ]
    assert all(unpack_vector(each.vector) == (1.0, *(0.0,) * 511) for each in text.passages)
    assert sorted(world.embedder.asked) == ["Ask not.", "Ask what."]  # a repeated sentence is embedded once
    assert (event.passages, event.tokens) == (3, 17)
    assert [charge.usd for charge in event.charges] == [3.4e-07]
    assert event.result.key.endswith("embedding@1.vectors.json")
    assert embedding.summary(event) == f"3 passages, {TITAN_V2}, 512 dimensions"


async def test_parts_of_a_document_have_their_page() -> None:
    world = World()
    blocks = [{"BlockType": "LINE", "Text": f"on page {page}", "Page": page} for page in (1, 1, 2)]
    store = ResultsStore(world.bucket)
    result = await store.put_blob(FILM, "a", json.dumps({"Blocks": blocks}).encode(), "application/json")
    record = DocumentAnalysed(asset=FILM, pages=2, words=9, excerpt="", text=result, result=result, charges=())
    text = await world.stored(await world.run(record))
    assert [(each.text, each.page, each.start) for each in text.passages] == [
        ("on page 1 on page 1", 1, None),
        ("on page 2", 2, None),
    ]
    assert text.kind == "page"


@pytest.mark.parametrize("fails_at", [1, 2, 19, 30])
async def test_retry_pays_only_for_passages_without_an_answer(fails_at: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedding, "CHECKPOINT", 10)
    sentences = [f"sentence {number}" for number in range(30)]
    world = World(FakeEmbedder(fails_at))
    record = await world.transcribed(*sentences)
    with pytest.raises(ThrottledError):
        await world.run(record)
    event = await world.run(record)
    assert sorted(world.embedder.asked) == sorted(f"{each}." for each in sentences)  # each text was answered once
    assert event.tokens == sum(map(len, world.embedder.asked))
    whole = World()
    expected = await whole.stored(await whole.run(await whole.transcribed(*sentences)))
    assert await world.stored(event) == expected


async def test_short_text_has_one_stored_object() -> None:
    world = World()
    await world.run(await world.transcribed("Ask not"))
    assert [key.rpartition("/")[2] for key in world.bucket.objects] == [
        "transcript@1.answer.json",
        "embedding@1.vectors.json",
    ]


async def test_damaged_transcript_is_a_dead_letter() -> None:
    world = World()
    record = await world.transcribed("Ask not")
    world.bucket.objects[record.result.key] = b"{"
    with pytest.raises(PermanentError) as raised:
        await world.run(record)
    assert raised.value.code == "invalid_result"
    assert not world.embedder.asked


@pytest.mark.parametrize(
    ("settings", "reason"),
    [({"model": "some.model"}, f"use {TITAN_V2}"), ({"dimensions": 300}, "offers 256, 512, 1024")],
)
def test_setting_that_no_model_offers_is_rejected(settings: dict[str, str], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        embedding_stage(**settings)  # type: ignore[arg-type]


async def test_cost_is_estimated_from_the_words() -> None:
    record = await World().transcribed(" ".join(["word"] * 1000))
    assert estimate(embedding.STAGE, record, PRICES) == pytest.approx(1.4 * 0.00002)


def test_packed_vectors_keep_their_direction_and_signs() -> None:
    vector = [(-1) ** number * (number + 1) / 300 for number in range(256)]
    packed = pack_vector(vector)
    assert cosine(unpack_vector(packed), vector) == pytest.approx(1, abs=1e-6)
    assert sign_bits(packed) == bytes([0b10101010]) * 32
