"""Search by meaning: the nearest passages with their moments, the filters, and what is rejected."""

from __future__ import annotations

import random
from typing import Any

import msgspec
import pytest
from sqlalchemy import func, select

from headrace.console.search import nearest
from headrace.console.search.index_store import erase_texts
from headrace.console.search.like import check_model, like_asset
from headrace.console.search.request import DetectionFilter, InvalidSearchError, LikeFilter
from headrace.console.views.asset_filter import SearchScope
from headrace.console.views.asset_tables import text_sources
from headrace.console.views.text_tables import passage_bits, passage_vectors, passages
from headrace.sandbox.ai.bedrock.titan import embed
from headrace.schemas.records import Asset, Label, MediaEmbedded
from headrace.streams.embeddings import TITAN_V2, EmbeddingModel
from headrace.streams.passages.embedded import EmbeddedPassage, EmbeddedText
from headrace.streams.passages.vectors import cosine, pack_vector, unpack_vector
from tests.support.records import asset
from tests.unit.console.search.corpus import Corpus, labelled, pointer

MODEL = EmbeddingModel(TITAN_V2, 256)
WORDS = ["river", "boat", "bridge", "whale", "krill", "ocean", "tax", "invoice", "budget", "engine", "rocket", "moon"]


def vector(text: str, model: EmbeddingModel = MODEL) -> bytes:
    return pack_vector(embed(text, model.dimensions))


def like(text: str, model: EmbeddingModel = MODEL) -> LikeFilter:
    return LikeFilter(str(model), vector(text, model))


def add_vectors(
    corpus: Corpus, of: Asset, *texts: str, model: EmbeddingModel = MODEL, kind: Any = "transcript"
) -> None:
    """Queue the result of embedding texts, each of a second, or on a page of its own."""
    found = tuple(
        EmbeddedPassage(text, vector(text, model), None, None, at + 1)
        if kind == "page"
        else EmbeddedPassage(text, vector(text, model), float(at), at + 1.0)
        for at, text in enumerate(texts)
    )
    content = msgspec.json.encode(EmbeddedText(model.name, model.dimensions, kind, "en-us", found))
    event = MediaEmbedded(
        asset=of,
        model=model.name,
        dimensions=model.dimensions,
        passages=len(found),
        tokens=1,
        result=pointer(content),
        charges=(),
    )
    corpus.add(event, "embedding", content)


@pytest.fixture
def rivers(corpus: Corpus) -> Corpus:
    add_vectors(corpus, corpus.upload("a.mp4"), "Taxes are due.", "The boats sail on a river.")
    add_vectors(corpus, corpus.upload("b.pdf", kind="other"), "A budget.", "Whales in a river.", kind="page")
    add_vectors(corpus, corpus.upload("c.mp4"), "Rockets fly to the moon.")
    corpus.index()
    return corpus


def test_nearest_passage_is_first_with_its_moment(rivers: Corpus) -> None:
    page = rivers.search(like=like("boats sail along a river"))
    assert [each.key for each in page.assets[:2]] == ["a.mp4", "b.pdf"]
    first = page.assets[0].moments[0]
    assert (first.excerpt, first.seconds, first.end_seconds, first.kind, first.stage) == (
        "The boats sail on a river.",
        1.0,
        2.0,
        "transcript",
        "embedding",
    )
    expected = cosine(embed("boats sail along a river", 256), embed("The boats sail on a river.", 256))
    assert first.similarity == pytest.approx(expected, abs=1e-3)
    assert page.assets[0].score == first.similarity
    second = page.assets[1].moments[0]
    assert (second.excerpt, second.page, second.kind) == ("Whales in a river.", 2, "page")
    assert page.complete


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"assets": SearchScope(kind="other")}, ["b.pdf"]),
        ({"assets": SearchScope(prefix="c")}, ["c.mp4"]),
        ({"detections": (DetectionFilter("label", "Boat"),)}, ["c.mp4"]),
        ({"assets": SearchScope(bucket="other")}, []),
    ],
    ids=str,
)
def test_filters_choose_the_assets_that_are_compared(
    rivers: Corpus, monkeypatch: pytest.MonkeyPatch, options: Any, expected: list[str]
) -> None:
    monkeypatch.setattr(nearest, "RESCORED", 1)  # the nearest of all is not among the wanted ones
    if "detections" in options:
        rivers.add(labelled(asset("c.mp4", sequencer="0A"), Label(name="Boat", confidence=90.0)), "labels")
        rivers.index()
    assert [each.key for each in rivers.search(like=like("boats sail along a river"), **options).assets] == expected


def test_older_versions_are_not_found(rivers: Corpus) -> None:
    rivers.upload("a.mp4", sequencer="0B")
    assert "a.mp4" not in rivers.keys(like=like("boats sail along a river"))


def test_assets_like_an_asset_do_not_include_it(rivers: Corpus) -> None:
    with rivers.engine.connect() as connection:
        wanted = like_asset(connection, "media", "a.mp4")
    vectors = [embed(text, 256) for text in ("Taxes are due.", "The boats sail on a river.")]
    mean = [sum(column) / 2 for column in zip(*vectors, strict=True)]
    assert cosine(unpack_vector(wanted.vector), mean) == pytest.approx(1, abs=1e-4)
    assert rivers.keys(like=wanted)[0] == "b.pdf"
    assert "a.mp4" not in rivers.keys(like=wanted)
    with rivers.engine.connect() as connection, pytest.raises(InvalidSearchError, match="no vectors"):
        like_asset(connection, "media", "unknown.mp4")


def test_replaced_and_erased_vectors_are_deleted(rivers: Corpus) -> None:
    add_vectors(rivers, asset("a.mp4", sequencer="0A"), "Only this.")
    rivers.index()
    assert counts(rivers) == (4, 4, 4)
    with rivers.engine.begin() as connection:
        for id_ in connection.scalars(select(text_sources.c.asset_id).distinct()).all():
            erase_texts(connection, id_)
    assert counts(rivers) == (0, 0, 0)


def counts(corpus: Corpus) -> tuple[int, ...]:
    """Return the numbers of passages, sign bits and vectors."""
    with corpus.engine.connect() as connection:
        return tuple(
            connection.scalar(select(func.count()).select_from(table)) or 0
            for table in (passages, passage_bits, passage_vectors)
        )


def test_vectors_of_other_models_are_not_compared(corpus: Corpus) -> None:
    other = EmbeddingModel(TITAN_V2, 512)
    with corpus.engine.connect() as connection, pytest.raises(InvalidSearchError, match="no passage has a vector yet"):
        check_model(connection, MODEL)
    add_vectors(corpus, corpus.upload("a.mp4"), "a river", model=other)
    corpus.index()
    with corpus.engine.connect() as connection:
        check_model(connection, other)
        with pytest.raises(InvalidSearchError, match=r"vectors of amazon.*512 dimensions, and .* names .*256 dim"):
            check_model(connection, MODEL)
    assert corpus.keys(like=like("a river")) == []
    assert corpus.keys(like=like("a river", other)) == ["a.mp4"]


def test_pages_continue_without_repeats(rivers: Corpus) -> None:
    found, after = [], ""
    for _ in range(3):
        page = rivers.search(like=like("boats sail along a river"), limit=1, after=after)
        found += [each.key for each in page.assets]
        after = page.next or ""
    assert sorted(found) == ["a.mp4", "b.pdf", "c.mp4"]
    assert not after
    first = rivers.search(like=like("boats sail along a river"), limit=1)
    with pytest.raises(InvalidSearchError, match="another search"):
        rivers.search(like=like("taxes"), limit=1, after=first.next or "")


def test_text_and_vector_exclude_each_other(sqlite: Corpus) -> None:
    with pytest.raises(InvalidSearchError, match="not both"):
        sqlite.search("river", like=like("river"))


def test_only_the_newest_vectors_are_compared(rivers: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nearest, "MOST_COMPARED", 1)
    page = rivers.search(like=like("boats sail along a river"))
    assert ([each.key for each in page.assets], page.complete) == (["c.mp4"], False)


def test_both_databases_find_what_an_exact_comparison_finds(corpus: Corpus) -> None:
    random_ = random.Random(7)
    texts = {f"{number}.mp4": " ".join(random_.choices(WORDS, k=5)) for number in range(60)}
    for key, text in texts.items():
        add_vectors(corpus, corpus.upload(key), text)
    corpus.index()
    wanted = like("a whale in the ocean")
    page = corpus.search(like=wanted, limit=10)
    exact = {key: cosine(unpack_vector(vector(text)), unpack_vector(wanted.vector)) for key, text in texts.items()}
    best = sorted(exact, key=lambda key: (-round(exact[key], 6), key))[:10]
    assert [each.key for each in page.assets] == best


def test_damaged_result_leaves_no_vector(sqlite: Corpus) -> None:
    of = sqlite.upload("a.mp4")
    content = msgspec.json.encode(
        EmbeddedText(MODEL.name, 256, "transcript", "", (EmbeddedPassage("text", b"\x00" * 8),))
    )
    event = MediaEmbedded(
        asset=of, model=TITAN_V2, dimensions=256, passages=1, tokens=1, result=pointer(content), charges=()
    )
    sqlite.add(event, "embedding", content)
    sqlite.index()
    assert counts(sqlite) == (0, 0, 0)
    with sqlite.engine.connect() as connection:
        assert connection.scalar(select(text_sources.c.state)) == "invalid"
