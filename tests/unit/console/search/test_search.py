"""Search on SQLite and PostgreSQL: both give the same answers."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headrace.console.search.request import DetectionFilter, InvalidSearchError, SearchPage
from headrace.console.views.asset_filter import SearchScope
from headrace.schemas.records import Asset, Label, MediaTranslated, PiiDetected
from tests.unit.console.search.corpus import Corpus, labelled, pointer, sentence, transcribed

QUOTE = "And so, my fellow Americans, ask not what your country can do for you."


def label(name: str, confidence: float = 90.0, parent: str | None = None) -> Label:
    return Label(name=name, confidence=confidence, parent=parent)


def fill(corpus: Corpus) -> None:
    """Add three videos with different texts, labels and states."""
    kennedy = corpus.speech("jfk.flac", QUOTE, kind="audio", at=100.0)
    corpus.picture(kennedy, 0.0, 5.0)
    corpus.done(kennedy, "transcript", "s3://results/jfk.json")
    travel = corpus.speech("travel/alps.mp4", "We crossed many countries. The mountains were high.", at=200.0)
    corpus.add(labelled(travel, label("Mountain", 95.0, "Nature"), label("Car", 55.0)), "labels")
    corpus.done(travel, "labels")
    german = corpus.speech("reise.mp4", "Die Länder und die Straßen. Das Land ist schön.", "de-DE", at=300.0)
    corpus.done(german, "labels", status="dead-lettered")
    corpus.add(PiiDetected(asset=german, kinds=("EMAIL",), count=1, spans=(), result=pointer(b""), charges=()), "pii")
    corpus.name(kennedy)
    corpus.name(travel)
    corpus.index()


def test_word_is_found_with_its_moment(corpus: Corpus) -> None:
    fill(corpus)
    page = corpus.search("country", language="en")
    [first, *_] = [each for each in page.assets if each.key == "jfk.flac"]
    [moment] = first.moments
    assert (moment.kind, moment.stage, moment.seconds, moment.confidence) == ("transcript", "transcript", 5.5, 90.0)
    [(begin, end)] = moment.matches
    assert moment.excerpt[begin:end] == "country"
    assert moment.result == "s3://results/jfk.json"
    assert moment.thumbnail == "s3://results/5.jpg"
    assert (first.version, first.kind, page.complete, page.next) == ("e1", "audio", True, None)


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("country", ["jfk.flac", "travel/alps.mp4"]),
        ("COUNTRIES", ["jfk.flac", "travel/alps.mp4"]),
        ("ask country", ["jfk.flac"]),
        ('"ask not what your country"', ["jfk.flac"]),
        ('"not ask"', []),
        ("mount*", ["travel/alps.mp4"]),
        ("mountain OR americans", ["jfk.flac", "travel/alps.mp4"]),
        ("countries -americans", ["travel/alps.mp4"]),
        ("land", ["reise.mp4"]),
        ("schon strassen", []),
        ("strassen", ["reise.mp4"]),
        ("schön", ["reise.mp4"]),
        ("schon", ["reise.mp4"]),
        ("alps", ["travel/alps.mp4"]),
        ("jfk.flac", ["jfk.flac"]),
        ("nature", []),
        ("absent", []),
    ],
)
def test_texts_that_match(corpus: Corpus, text: str, keys: list[str]) -> None:
    fill(corpus)
    assert sorted(corpus.keys(text)) == keys


@pytest.mark.parametrize(
    ("options", "keys"),
    [
        ({"detections": (DetectionFilter("label", "mountain"),)}, ["travel/alps.mp4"]),
        ({"detections": (DetectionFilter("label", "NATURE"),)}, ["travel/alps.mp4"]),
        ({"detections": (DetectionFilter("label", "car"),)}, ["travel/alps.mp4"]),
        ({"detections": (DetectionFilter("label", "car"),), "min_confidence": 60.0}, []),
        ({"detections": (DetectionFilter("label", "car"), DetectionFilter("label", "boat"))}, []),
        ({"detections": (DetectionFilter("pii", "email"),)}, ["reise.mp4"]),
        ({"detections": (DetectionFilter("pii"),)}, ["reise.mp4"]),
        ({"detections": (DetectionFilter("face"),)}, []),
        ({"text": "country", "detections": (DetectionFilter("label", "car"),)}, ["travel/alps.mp4"]),
        ({"text": "country", "assets": SearchScope(kind="audio")}, ["jfk.flac"]),
        ({"text": "country", "assets": SearchScope(prefix="travel/")}, ["travel/alps.mp4"]),
        ({"text": "country", "assets": SearchScope(bucket="media", prefix="jf")}, ["jfk.flac"]),
        ({"text": "country", "assets": SearchScope(bucket="other")}, []),
        ({"text": "country", "assets": SearchScope(since=150.0)}, ["travel/alps.mp4"]),
        ({"text": "country", "assets": SearchScope(until=200.0)}, ["jfk.flac"]),
        ({"text": "country", "assets": SearchScope(has=("labels",))}, ["travel/alps.mp4"]),
        ({"text": "country", "assets": SearchScope(missing=("labels",))}, ["jfk.flac"]),
        ({"text": "schön", "assets": SearchScope(failed=("labels",))}, ["reise.mp4"]),
        ({"text": "schön", "assets": SearchScope(failed=("pii",))}, []),
        ({"text": "land", "language": "de"}, ["reise.mp4"]),
        ({"text": "land", "language": "DE-de"}, ["reise.mp4"]),
        ({"text": "land", "language": "en"}, []),
        ({"text": "country", "kinds": ("text-in-video",)}, []),
    ],
)
def test_filters(corpus: Corpus, options: dict[str, Any], keys: list[str]) -> None:
    fill(corpus)
    assert sorted(corpus.keys(**options)) == keys


def test_only_the_newest_version_is_found(corpus: Corpus) -> None:
    corpus.speech("a.mp4", "old words")
    corpus.index()
    assert corpus.keys("old") == ["a.mp4"]
    corpus.speech("a.mp4", "new words", sequencer="0B")
    corpus.index()
    assert (corpus.keys("old"), corpus.keys("words")) == ([], ["a.mp4"])


def test_more_matches_rank_first_and_long_texts_last(corpus: Corpus) -> None:
    corpus.speech("once.mp4", "river. stone.")
    corpus.speech("often.mp4", "river. river. river.")
    corpus.speech("long.mp4", "river. " + "stone tree grass. " * 200)
    corpus.index()
    page = corpus.search("river")
    assert [each.key for each in page.assets] == ["often.mp4", "once.mp4", "long.mp4"]
    assert [each.matches for each in page.assets] == [3, 1, 1]


def test_detections_rank_by_confidence(corpus: Corpus) -> None:
    for name, confidence in (("low", 60.0), ("high", 99.0), ("middle", 80.0)):
        of = corpus.upload(name)
        corpus.add(labelled(of, label("Dog", confidence)), "labels")
    corpus.index()
    assert corpus.keys(detections=(DetectionFilter("label", "dog"),)) == ["high", "middle", "low"]


def pages(corpus: Corpus, limit: int) -> list[SearchPage]:
    found = [corpus.search("river", limit=limit)]
    while token := found[-1].next:
        found.append(corpus.search("river", limit=limit, after=token))
    return found


def test_pages_list_every_asset_once_while_more_arrive(corpus: Corpus) -> None:
    names = [f"{number:02}.mp4" for number in range(7)]
    for name in names:
        corpus.speech(name, "a river.")
    corpus.index()
    first = corpus.search("river", limit=3)
    corpus.speech("00a.mp4", "a river.")
    corpus.index()
    second = corpus.search("river", limit=3, after=first.next)
    third = corpus.search("river", limit=3, after=second.next)
    assert [each.key for page in (first, second, third) for each in page.assets] == names
    assert third.next is None
    assert [each.key for page in pages(corpus, 1) for each in page.assets] == sorted([*names, "00a.mp4"])


def test_page_of_another_search_is_rejected(corpus: Corpus) -> None:
    for name in ("a", "b"):
        corpus.speech(name, "a river.")
    corpus.index()
    token = corpus.search("river", limit=1).next
    with pytest.raises(InvalidSearchError, match="another search"):
        corpus.search("stone", after=token)
    for broken in ("x", "====", "bnVsbA==", "é"):
        with pytest.raises(InvalidSearchError, match="--after is invalid"):
            corpus.search("river", after=broken)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "needs a text"),
        ({"text": "   "}, "needs a text"),
        ({"text": "?!"}, "no word"),
        ({"text": "-a"}, "only excluded words"),
        ({"text": "a " * 33}, "33 words"),
        ({"text": "a" * 1001}, "1,001 characters"),
        ({"text": "a", "limit": 0}, "--limit 0: from 1 to 100"),
        ({"text": "a", "min_confidence": 101.0}, "--min-confidence 101: from 0 to 100"),
        ({"text": "a", "min_confidence": float("nan")}, "--min-confidence nan"),
        ({"text": "a", "language": "../"}, "--language"),
        ({"text": "a", "assets": SearchScope(since=2.0, until=1.0)}, "--since is not before --until"),
    ],
)
def test_invalid_search_is_one_clear_error(sqlite: Corpus, options: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidSearchError, match=message):
        sqlite.search(**options)


def test_newest_matches_are_ranked_and_the_answer_says_so(corpus: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a", "b", "c"):
        corpus.speech(name, "a river.")
    corpus.index()
    for module in ("candidates", "search"):
        monkeypatch.setattr(f"headrace.console.search.{module}.MOST_CANDIDATES", 2)
    page = corpus.search("river")
    assert ([each.key for each in page.assets], page.complete) == (["b", "c"], False)


def test_keys_of_every_byte_are_returned_unchanged(corpus: Corpus) -> None:
    key = "".join(map(chr, range(0x100))) + "\u202e\U0001f600.mp4"
    corpus.speech(key, "a river.")
    corpus.index()
    [found] = corpus.search("river", assets=SearchScope(prefix="\x00\x01\x02")).assets
    assert found.key == key


def test_translation_has_the_time_of_its_subtitle(corpus: Corpus) -> None:
    of = corpus.upload("a.mp4")
    cues = b"WEBVTT\n\n00:01.000 --> 00:03.000\nGuten <i>Tag</i>,\n\n00:05.500 --> 00:07.000\nliebe Freunde.\n"
    event = MediaTranslated(
        asset=of, source="en", target="de", words=4, excerpt="", text=pointer(b""), subtitles=pointer(cues), charges=()
    )
    corpus.add(event, "translation", cues)
    corpus.index()
    [found] = corpus.search("freund", language="de").assets
    assert (found.moments[0].seconds, found.moments[0].excerpt) == (5.5, "Guten Tag, liebe Freunde.")


TEXTS = st.text() | st.text(alphabet="\"'*-:()^{}[]&|!<>\\ ANDORTNEaé日\x00%_;", max_size=60)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=TEXTS)
def test_any_text_is_safe_and_both_databases_agree(sqlite: Corpus, postgres: Corpus, text: str) -> None:
    answers = []
    for corpus in (sqlite, postgres):
        if not corpus.results.contents:
            for number, content in enumerate(("a river and not near", "or AND 日本", "élan NOT %_")):
                corpus.speech(f"{number}.mp4", content)
            corpus.index()
        try:
            answers.append(corpus.keys(text))
        except InvalidSearchError as error:
            answers.append([str(error)])
    assert answers[0] == answers[1]


def test_both_databases_give_the_same_pages(sqlite: Corpus, postgres: Corpus) -> None:
    for corpus in (sqlite, postgres):
        fill(corpus)
        for number in range(5):
            corpus.speech(f"{number}.mp4", "The country is wide. " * (number + 1))
        corpus.index()
    for text in ("country", "the country", "wide OR land", '"country is"', "coun*"):
        assert sqlite.search(text) == postgres.search(text)
    detection = (DetectionFilter("label", "nature"),)
    assert sqlite.search(detections=detection) == postgres.search(detections=detection)


def reindexed(corpus: Corpus, of: Asset, text: str) -> None:
    content = sentence(text)
    corpus.add(transcribed(of, content), "transcript", content, event_id=text)
    corpus.index()


def test_new_result_of_a_stage_replaces_the_old_one(corpus: Corpus) -> None:
    of = corpus.upload("a.mp4")
    for text in ("first words", "second words", "third words"):
        reindexed(corpus, of, text)
    assert (corpus.keys("first"), corpus.keys("second"), corpus.keys("third")) == ([], [], ["a.mp4"])
    assert corpus.search("words").assets[0].matches == 1
