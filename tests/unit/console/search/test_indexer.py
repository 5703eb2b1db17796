"""The indexer reads each stored result once, in any order of faults."""

from __future__ import annotations

import pytest
from sqlalchemy import select, text

from headrace.console.search.index_store import erase_texts
from headrace.console.search.indexer import Indexer
from headrace.console.search.result_reader import InvalidResultError, ResultsUnavailableError
from headrace.console.views.asset_tables import text_sources
from headrace.console.views.text_tables import passages
from tests.unit.console.search.corpus import Corpus, sentence, transcribed


def states(corpus: Corpus) -> list[tuple[str, str | None]]:
    with corpus.engine.connect() as connection:
        rows = connection.execute(select(text_sources.c.state, text_sources.c.error).order_by(text_sources.c.id))
        return [(row.state, row.error) for row in rows]


def test_each_result_is_read_once(corpus: Corpus) -> None:
    for number in range(5):
        corpus.speech(f"{number}.mp4", f"river number {number}.")
    assert corpus.index() == 5
    assert corpus.index() == 0
    assert len(corpus.results.reads) == len(set(corpus.results.reads)) == 5


def test_indexed_event_is_no_longer_stored(corpus: Corpus) -> None:
    corpus.speech("a.mp4", "A river runs. It is wide.")
    corpus.index()
    with corpus.engine.connect() as connection:
        row = connection.execute(select(text_sources)).one()
    assert (row.state, row.event, row.words) == ("indexed", None, 6)


def test_outage_leaves_the_source_in_the_queue(corpus: Corpus) -> None:
    corpus.speech("a.mp4", "river")
    corpus.results.error = ResultsUnavailableError("no answer")
    assert corpus.index() == 0
    assert states(corpus) == [("pending", None)]
    corpus.results.error = None
    corpus.indexer.step()
    assert corpus.index() + len(corpus.keys("river")) >= 1
    assert corpus.keys("river") == ["a.mp4"]


def test_unavailable_results_do_not_hold_back_the_others(corpus: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("headrace.console.search.indexer.BATCH", 1)
    blocked = corpus.upload("a.mp4")
    corpus.add(transcribed(blocked, b"gone"), "transcript")
    corpus.speech("b.mp4", "river")
    corpus.results.error = None
    read = corpus.results.read

    def reject_first(wanted: object) -> bytes:
        content = read(wanted)  # type: ignore[arg-type]
        if content == b"gone":
            raise ResultsUnavailableError("access denied")
        return content

    corpus.results.contents[transcribed(blocked, b"gone").result.sha256] = b"gone"
    monkeypatch.setattr(corpus.results, "read", reject_first)
    corpus.indexer.step()
    corpus.indexer.step()
    assert corpus.keys("river") == ["b.mp4"]


def test_missing_result_leaves_the_text_of_the_event(corpus: Corpus) -> None:
    of = corpus.upload("a.mp4")
    corpus.add(transcribed(of, b"deleted", excerpt="a river"), "transcript")
    corpus.index()
    assert states(corpus) == [("missing", "result.json")]
    assert corpus.keys("river") == ["a.mp4"]


@pytest.mark.parametrize(
    "content", [b"", b"not json", b"[]", b'{"results": 1}', b'{"results": {"items": [{"start_time": "x"}]}}', b"\xff"]
)
def test_invalid_result_leaves_the_text_of_the_event(sqlite: Corpus, content: bytes) -> None:
    of = sqlite.upload("a.mp4")
    sqlite.add(transcribed(of, content, excerpt="a river"), "transcript", content)
    sqlite.index()
    [(state, error)] = states(sqlite)
    assert (state, bool(error)) == ("invalid", True)
    assert sqlite.keys("river") == ["a.mp4"]


def test_changed_result_is_invalid(sqlite: Corpus) -> None:
    sqlite.speech("a.mp4", "river")
    sqlite.results.error = InvalidResultError("has changed")
    sqlite.index()
    assert states(sqlite) == [("invalid", "has changed")]


def test_events_alone_are_indexed_without_a_reader(sqlite: Corpus) -> None:
    of = sqlite.upload("a.mp4")
    sqlite.add(transcribed(of, b"x", excerpt="a river"), "transcript")
    Indexer(sqlite.engine.connect, sqlite.engine.begin, None).step()
    assert (states(sqlite), sqlite.keys("river")) == ([("indexed", None)], ["a.mp4"])


def test_event_replaced_during_the_read_stays_in_the_queue(corpus: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    of = corpus.upload("a.mp4")
    old, new = sentence("old words"), sentence("new words")
    corpus.add(transcribed(of, old), "transcript", old)
    read = corpus.results.read

    def replace_event(wanted: object) -> bytes:
        if len(corpus.results.reads) == 0:
            corpus.add(transcribed(of, new), "transcript", new, event_id="e2")
        return read(wanted)  # type: ignore[arg-type]

    monkeypatch.setattr(corpus.results, "read", replace_event)
    corpus.indexer.step()
    assert states(corpus) == [("pending", None)]
    corpus.indexer.step()
    corpus.indexer.step()
    assert (corpus.keys("old"), corpus.keys("new")) == ([], ["a.mp4"])


def test_killed_step_leaves_nothing(corpus: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    corpus.speech("a.mp4", "river")
    with monkeypatch.context() as patched:

        def fail(*_: object) -> None:
            raise KeyboardInterrupt

        patched.setattr("headrace.console.search.index_store._insert_terms", fail)
        with pytest.raises(KeyboardInterrupt):
            corpus.indexer.step()
    assert (states(corpus), corpus.keys("river")) == ([("pending", None)], [])
    Indexer(corpus.engine.connect, corpus.engine.begin, corpus.results).step()
    assert corpus.keys("river") == ["a.mp4"]
    assert corpus.search("river").assets[0].matches == 1


def test_erased_asset_leaves_no_text(corpus: Corpus) -> None:
    corpus.speech("a.mp4", "secret river")
    corpus.speech("b.mp4", "river")
    corpus.index()
    with corpus.engine.begin() as connection:
        erase_texts(connection, 1)
    assert (corpus.keys("secret"), corpus.keys("river")) == ([], ["b.mp4"])
    with corpus.engine.connect() as connection:
        assert len(connection.execute(select(passages)).all()) == 1
        if connection.dialect.name == "sqlite":
            connection.execute(text("INSERT INTO passages_fts(passages_fts) VALUES ('integrity-check')"))
