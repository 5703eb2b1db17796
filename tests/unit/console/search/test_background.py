"""The thread that indexes beside the projector."""

from __future__ import annotations

import threading

import pytest
from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError

from headrace.console.search.background import index_all, indexing, queued
from tests.support.process import wait_for
from tests.unit.console.search.corpus import Corpus


class Place:
    """A place with the database that `engines` ends with. `failures` are raised first."""

    def __init__(self, *engines: Engine, failures: tuple[Exception, ...] = ()) -> None:
        self.engines = list(engines)
        self.failures = list(failures)

    def current(self) -> Engine | None:
        if self.failures:
            raise self.failures.pop()
        return self.engines[-1] if self.engines else None

    def is_current(self, engine: Engine) -> bool:
        return engine is self.engines[-1]


def test_queued_text_is_indexed_during_the_block(corpus: Corpus) -> None:
    corpus.speech("a.mp4", "river")
    with indexing(Place(corpus.engine), corpus.results):
        wait_for(lambda: corpus.keys("river") == ["a.mp4"], "the first text")
        corpus.speech("b.mp4", "river")
        wait_for(lambda: len(corpus.keys("river")) == 2, "the second text")
    assert "text-indexer" not in {thread.name for thread in threading.enumerate()}


def test_database_that_is_down_is_tried_again(sqlite: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("headrace.console.search.background.ERROR_SECONDS", 0.1)
    sqlite.speech("a.mp4", "river")
    place = Place(sqlite.engine, failures=(OperationalError("SELECT", {}, Exception("database is locked")),))
    with indexing(place, sqlite.results):
        wait_for(lambda: sqlite.keys("river") == ["a.mp4"], "the text")
    assert place.failures == []


def test_indexing_follows_a_swap(sqlite: Corpus, postgres: Corpus) -> None:
    postgres.results.contents = sqlite.results.contents
    sqlite.speech("a.mp4", "river")
    postgres.speech("a.mp4", "river")
    place = Place()
    with indexing(place, sqlite.results):
        place.engines.append(sqlite.engine)
        wait_for(lambda: sqlite.keys("river") == ["a.mp4"], "the first database")
        place.engines.append(postgres.engine)
        wait_for(lambda: postgres.keys("river") == ["a.mp4"], "the second database")


def test_everything_queued_is_indexed(sqlite: Corpus) -> None:
    for number in range(3):
        sqlite.speech(f"{number}.mp4", f"river {number}")
    steps: list[int] = []
    assert queued(sqlite.engine) == 3
    index_all(sqlite.engine, steps.append, sqlite.results)
    assert (sum(steps), len(sqlite.keys("river")), queued(sqlite.engine)) == (3, 3, 0)
