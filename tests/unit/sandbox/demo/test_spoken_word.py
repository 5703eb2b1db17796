"""The demo's search for a spoken word."""

from __future__ import annotations

import json

import pytest

from headrace.console.views.database import Views
from headrace.sandbox.ai.transcribe import output_files
from headrace.sandbox.ai.transcribe.speech import RecognizedSpeech, parse_srt
from headrace.sandbox.demo.samples import MEDIA
from headrace.sandbox.demo.spoken_word import FILE, find_word
from headrace.sandbox.names import MEDIA_BUCKET
from tests.unit.console.search.conftest import sqlite
from tests.unit.console.search.corpus import Corpus, transcribed

__all__ = ["sqlite"]  # a fixture


@pytest.fixture
def heard(sqlite: Corpus) -> Corpus:
    """The sample recording with the transcript of the local Transcribe."""
    cues = parse_srt((MEDIA / "jfk.srt").read_text("utf-8"))
    speech = RecognizedSpeech(cues, "captions", synthetic=False)
    content = json.dumps(output_files.document("job", "0", speech, "en-US")).encode()
    of = sqlite.upload(FILE, kind="audio", bucket=MEDIA_BUCKET)
    sqlite.add(transcribed(of, content), "transcript", content)
    return sqlite


def test_word_is_found_once_it_is_indexed(heard: Corpus) -> None:
    opened: list[Views | None] = [None]

    def connect() -> Views | None:
        if len(opened) > 2:
            heard.index()
        opened.append(Views(heard.engine, "test"))
        return opened[-2]

    match = find_word(60.0, connect)
    assert match is not None
    [moment] = match.moments
    assert (match.key, round(moment.seconds or 0, 1)) == (FILE, 6.0)
    assert [moment.excerpt[begin:end] for begin, end in moment.matches] == ["country", "country"]


def test_missing_word_is_none_after_the_timeout(sqlite: Corpus) -> None:
    assert find_word(0.0, lambda: Views(sqlite.engine, "test")) is None
    assert find_word(0.0, lambda: None) is None
