"""Passages of events and stored results."""

from __future__ import annotations

import json
import tracemalloc
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.console.assets.asset_event import AssetEvent
from headrace.console.assets.stage_texts import stage_texts
from headrace.console.kafka.entry import LogEntry
from headrace.console.search.analysis import index_terms, stem_term, word_term
from headrace.console.search.detections import entity_passages, vision_passages
from headrace.console.search.extract import passages_of_event, passages_of_result, stored_result
from headrace.console.views.text_source import text_of
from headrace.schemas.messages import ConsumerRecord
from headrace.schemas.records import (
    DocumentAnalysed,
    Event,
    Label,
    LanguageDetected,
    LanguageShare,
    MediaSummarised,
    MediaTranslated,
    PiiDetected,
)
from headrace.streams import pipeline
from headrace.streams.passages.passage import Passage, pack_times, unpack_times
from headrace.streams.passages.speech_text import (
    LONGEST_PASSAGE,
    page_passages,
    subtitle_passages,
    text_passages,
    transcript_passages,
)
from headrace.streams.passages.words import count_words
from headrace.streams.search_text import SearchText
from headrace.streams.stages import probe
from tests.support import records
from tests.unit.console.search.corpus import labelled, pointer, sentence, transcribed, transcript

ASSET = records.asset()


def encoded(answer: object) -> bytes:
    return json.dumps(answer).encode()


def test_transcript_is_split_at_the_ends_of_sentences() -> None:
    first, second = transcript_passages(sentence("Hello there, all. It is late."), "en-us")
    assert (first.text, second.text) == ("Hello there, all.", "It is late.")
    assert (first.start, first.end, first.confidence, first.language) == (0.0, 1.8, 90.0, "en-us")
    assert unpack_times(first.word_times or b"") == [0, 500, 1500]


def test_each_word_of_an_item_has_its_time() -> None:
    [passage] = transcript_passages(transcript((1.0, "12.5"), (2.0, "well-known"), (3.0, "日本")), "en")
    assert unpack_times(passage.word_times or b"") == [1000, 1000, 2000, 2000, 3000, 3000]
    assert count_words(passage.text) == 6


def test_long_sentence_is_split() -> None:
    passages = list(transcript_passages(sentence("word " * 1_000), "en"))
    assert len(passages) > 5
    assert all(len(each.text) <= LONGEST_PASSAGE + 10 for each in passages)
    assert sum(count_words(each.text) for each in passages) == 1_000


def test_transcript_without_items_has_its_text() -> None:
    answer = encoded({"results": {"transcripts": [{"transcript": "One. Two."}]}})
    assert [each.text for each in transcript_passages(answer, "en")] == ["One.", "Two."]


def test_transcript_of_5_mb_needs_little_memory() -> None:
    content = sentence("The river is wide and the night is long. " * 5_000)
    assert 5_000_000 < len(content) < 8_000_000
    event = transcribed(ASSET, content)
    tracemalloc.start()
    passages = passages_of_result(event, content)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(passages) == 5_000
    assert peak < 40_000_000


def test_pages_keep_their_numbers() -> None:
    blocks: list[dict[str, Any]] = [{"BlockType": "PAGE", "Page": 1}]
    blocks += [
        {"BlockType": "LINE", "Text": text, "Page": page, "Confidence": 90.0}
        for page, text in ((2, "a"), (4, "b"), (4, "c"))
    ]
    blocks += [{"BlockType": "WORD", "Text": "a", "Page": 2}]
    found = list(page_passages(encoded({"Pages": 4, "Blocks": blocks})))
    assert [(each.page, each.text, each.confidence) for each in found] == [(2, "a", 90.0), (4, "b c", 90.0)]


def test_page_without_number_is_the_first() -> None:
    [found] = page_passages(encoded({"Blocks": [{"BlockType": "LINE", "Text": "a"}]}))
    assert (found.page, found.confidence) == (1, None)


def test_subtitles_become_sentences() -> None:
    first_cue = b"WEBVTT\r\n\r\n1\r\n00:00:01.000 --> 00:00:02.000 align:left\r\nOne\r\n<i>two</i>\r\n"
    cues = first_cue + b"\r\n00:03.000 --> 00:04.000\r\nthree. Four\r\n"
    first, second = subtitle_passages(cues, "translation", "de")
    assert (first.text, second.text) == ("One two three.", "Four")
    assert unpack_times(first.word_times or b"") == [1000, 1000, 3000]
    assert (first.start, first.end, second.start) == (1.0, 4.0, 3.0)


def test_times_of_subtitles_are_bounded() -> None:
    hostile = b"WEBVTT\n\n" + b"9" * 5_000 + b":00:01.000 --> 00:00:02.000\nOne.\n\n00:03.000 --> 00:04.000\nTwo.\n"
    assert [passage.text for passage in subtitle_passages(hostile, "translation", "de")][-1] == "Two."


def detection(name: str, at: int, confidence: float, field: str = "Label") -> dict[str, Any]:
    return {"Timestamp": at, field: {"Name": name, "Confidence": confidence, "Parents": [{"Name": "Vehicle"}]}}


EMOTIONS = [{"Type": "SAD", "Confidence": 1}, {"Type": "HAPPY", "Confidence": 9}]


def at(milliseconds: int, field: str, **detected: object) -> dict[str, Any]:
    """Return a detection in a video."""
    return {"Timestamp": milliseconds, field: {"Confidence": 80, **detected}}


def test_successive_detections_are_one_passage() -> None:
    answer = {"Labels": [detection("Car", at, 50 + at / 1000) for at in (0, 1000, 2500, 9000)]}
    first, second = vision_passages(encoded(answer), "label")
    assert first == Passage("label", "Car", "car", "vehicle", confidence=52.5, start=0.0, end=2.5)
    assert (second.start, second.end, second.confidence) == (9.0, 9.0, 59.0)


def test_detections_of_images_have_no_time() -> None:
    answer = {"Labels": [{"Name": "Dog", "Confidence": 99.0, "Parents": []}]}
    assert vision_passages(encoded(answer), "label") == [Passage("label", "Dog", "dog", confidence=99.0)]


@pytest.mark.parametrize(
    ("kind", "answer", "expected"),
    [
        ("moderation", {"ModerationLabels": [at(500, "ModerationLabel", Name="Guns", ParentName="Violence")]},
         ("Guns", "guns", "violence", 80.0, 0.5)),
        ("celebrity", {"Celebrities": [at(1000, "Celebrity", Name="Ada  L")]}, ("Ada  L", "ada l", "", 80.0, 1.0)),
        ("celebrity", {"CelebrityFaces": [{"Name": "Ada", "MatchConfidence": 71}]}, ("Ada", "ada", "", 71.0, None)),
        ("face", {"Faces": [at(1000, "Face", Emotions=EMOTIONS)]}, ("face happy", "", "", 80.0, 1.0)),
        ("face", {"FaceDetails": [{"Confidence": 98}]}, ("face", "", "", 98.0, None)),
        ("text-in-video", {"TextDetections": [at(2000, "TextDetection", Type="LINE", DetectedText="EXIT")]},
         ("EXIT", "", "", 80.0, 2.0)),
    ],
)  # fmt: skip
def test_detections_of_each_feature(kind: Any, answer: dict[str, Any], expected: tuple[object, ...]) -> None:
    [found] = vision_passages(encoded(answer), kind)
    assert (found.text, found.name, found.category, found.confidence, found.start) == expected


def test_words_in_pictures_are_no_passages() -> None:
    answer = {"TextDetections": [{"Type": "WORD", "DetectedText": "EXIT", "Confidence": 97}]}
    assert vision_passages(encoded(answer), "text-in-video") == []


def test_detections_of_one_result_are_bounded() -> None:
    many = {"Labels": [detection(f"L{number}", 0, 50.0) for number in range(5_000)]}
    often = {"Labels": [detection("Car", at * 10_000, 50.0) for at in range(500)]}
    assert len(vision_passages(encoded(many), "label")) == 2_000
    assert len(vision_passages(encoded(often), "label")) == 50


def test_entities_are_listed_once_with_their_highest_score() -> None:
    spans = [
        {"kind": "PERSON", "text": text, "score": score} for text, score in (("Ada", 0.5), ("ADA", 0.9), ("Ada", 0.7))
    ]
    [found] = entity_passages(encoded(spans))
    assert (found.name, found.category, found.confidence) == ("ada", "person", 90.0)


def test_small_results_are_not_read() -> None:
    pii = PiiDetected(asset=ASSET, kinds=("EMAIL",), count=1, spans=(), result=pointer(b""), charges=())
    shares = (LanguageShare(language="de", score=0.98),)
    language = LanguageDetected(asset=ASSET, language="de", languages=shares, result=pointer(b""), charges=())
    for event in (pii, language, labelled(ASSET), records.uploaded(ASSET)):
        assert stored_result(event) is None
    assert passages_of_event(pii) == [Passage("pii", "EMAIL", "email")]
    assert passages_of_event(language) == [Passage("language", "de", "de", language="de", confidence=98.0)]


def test_complete_results_are_read_from_the_store() -> None:
    document = DocumentAnalysed(
        asset=ASSET, pages=1, words=1, excerpt="a", text=pointer(b"t"), result=pointer(b"r"), charges=()
    )
    translated = MediaTranslated(
        asset=ASSET, source="en", target="de", words=1, excerpt="a", text=pointer(b"t"), charges=()
    )
    summary = MediaSummarised(
        asset=ASSET,
        summary="Short.",
        model="m",
        parts=1,
        input_tokens=1,
        output_tokens=1,
        result=pointer(b"s"),
        charges=(),
    )
    assert stored_result(document) == document.result
    assert stored_result(translated) == translated.text
    assert stored_result(labelled(ASSET, Label(name="Car", confidence=1.0))) is not None
    assert [each.text for each in passages_of_result(translated, b"Eins. Zwei.")] == ["Eins.", "Zwei."]
    assert [(each.kind, each.text) for each in passages_of_result(summary, b"Longer text.")] == [
        ("summary", "Longer text.")
    ]


def source(event: Event) -> tuple[str, str, tuple[Any, ...]] | None:
    received = ConsumerRecord("t", 2, 7, 0.0, b"", b"")
    return text_of(LogEntry(received, None, event), AssetEvent(5.0, "", id="e1", stage="translation"))


def test_only_searchable_events_are_sources() -> None:
    event = MediaTranslated(asset=ASSET, source="en", target="de", words=1, excerpt="a", text=pointer(b""), charges=())
    assert source(records.scanned()) is None
    assert source(event) == (
        "translation",
        "de",
        ("MediaTranslated", "e1", msgspec.msgpack.encode(event), 5.0),
    )


def test_declared_texts_of_a_stage_are_passages(monkeypatch: pytest.MonkeyPatch) -> None:
    def texts(event: Any) -> list[SearchText]:
        return [
            SearchText("label", "Fork  Lift", category="Vehicle", confidence=80.0, start=1.0, end=2.0),
            SearchText("chapter", "A yard. It rains.", start=0.0, end=9.0),
        ]

    stage = replace(probe.STAGE, search=texts)
    stage_texts.cache_clear()
    monkeypatch.setattr(pipeline, "all_stages", lambda: (stage,))
    event = records.probed()
    try:
        assert stored_result(event) is None
        assert passages_of_event(event) == [
            Passage("label", "Fork  Lift", "fork lift", "vehicle", confidence=80.0, start=1.0, end=2.0),
            Passage("chapter", "A yard.", start=0.0, end=9.0),
            Passage("chapter", "It rains.", start=0.0, end=9.0),
        ]
        assert source(event) is not None
        assert source(records.scanned()) is None
    finally:
        stage_texts.cache_clear()


@given(st.text())
def test_terms_are_safe_for_any_text(text: str) -> None:
    terms = index_terms(text, "de-DE")
    assert all(term and term.isascii() and term.replace("_", "").isalnum() and term == term.lower() for term in terms)
    assert count_words(text) <= len(terms)


@pytest.mark.parametrize(
    ("word", "term"),
    [
        ("cafe", "cafe"),
        ("café", "cafe"),
        ("straße", "strasse"),
        ("ﬁn", "fin"),
        ("日", "_e697a5"),
        ("привет", "_d0bfd180d0b8d0b2d0b5d182"),
    ],
)
def test_words_have_one_term(word: str, term: str) -> None:
    assert word_term(word) == term


def test_stems_belong_to_a_language() -> None:
    assert stem_term("countries", "en") == stem_term("country", "en") == "countri_en"
    assert stem_term("länder", "de") == "land_de"
    assert stem_term("countries", "xx") == ""
    assert index_terms("", "en") == []


@given(st.text(), st.sampled_from(["transcript", "page", "summary"]))
def test_passages_of_a_text_contain_all_of_it(text: str, kind: Any) -> None:
    found = "".join(each.text for each in text_passages(text, kind))
    assert "".join(found.split()) == "".join(text.split())


@given(st.lists(st.integers(0, 2**32 - 1)))
def test_times_of_words_are_kept(times: list[int]) -> None:
    assert unpack_times(pack_times(times)) == times
