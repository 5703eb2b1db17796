"""Output files of Transcribe."""

from __future__ import annotations

from headrace.sandbox.ai.transcribe import output_files
from headrace.sandbox.ai.transcribe.speech import RecognizedSpeech, SpokenSegment

SEGMENTS = (SpokenSegment(0.0, 2.0, "Ask not, friends."), SpokenSegment(3661.5, 3662.0, "Ask..."))
SPEECH = RecognizedSpeech(SEGMENTS, "captions", synthetic=False)


def test_document_has_the_format_of_aws_and_its_source() -> None:
    document = output_files.document("job", "000000000000", SPEECH, "en-GB")
    assert (document["jobName"], document["accountId"], document["status"]) == ("job", "000000000000", "COMPLETED")
    results = document["results"]
    assert results["transcripts"] == [{"transcript": "Ask not, friends. Ask..."}]
    assert (results["synthetic"], results["engine"], results["language_code"]) == (False, "captions", "en-GB")
    assert [segment["items"] for segment in results["audio_segments"]] == [[0, 1, 2, 3, 4], [5, 6]]
    assert results["audio_segments"][1]["start_time"] == "3661.500"


def test_words_have_times_and_punctuation_has_none() -> None:
    items = output_files.document("job", "000000000000", SPEECH, "en-GB")["results"]["items"]
    assert [(item["type"], item["alternatives"][0]["content"]) for item in items] == [
        ("pronunciation", "Ask"),
        ("pronunciation", "not"),
        ("punctuation", ","),
        ("pronunciation", "friends"),
        ("punctuation", "."),
        ("pronunciation", "Ask"),
        ("punctuation", "..."),
    ]
    assert [item["id"] for item in items] == list(range(7))
    assert items[0]["start_time"] == "0.000"
    assert items[0]["end_time"] == items[1]["start_time"]
    assert items[3]["end_time"] == "2.000"
    assert "start_time" not in items[2]


def test_synthetic_words_have_no_confidence() -> None:
    made_up = RecognizedSpeech(SEGMENTS, "silence", synthetic=True)
    items = output_files.document("job", "000000000000", made_up, "en-GB")["results"]["items"]
    assert {item["alternatives"][0]["confidence"] for item in items} == {"0.0"}


def test_subtitles_have_the_times() -> None:
    assert output_files.webvtt(SEGMENTS, 1) == (
        "WEBVTT\n\n00:00:00.000 --> 00:00:02.000\nAsk not, friends.\n\n01:01:01.500 --> 01:01:02.000\nAsk...\n"
    )
    assert output_files.subrip(SEGMENTS, 1).startswith("1\n00:00:00,000 --> 00:00:02,000\nAsk not, friends.\n\n2\n")
    assert output_files.subrip(SEGMENTS, 0).startswith("0\n")


def test_no_speech_is_an_empty_transcript() -> None:
    document = output_files.document("job", "000000000000", RecognizedSpeech((), "silence", synthetic=True), "en-GB")
    assert document["results"]["transcripts"] == [{"transcript": ""}]
    assert output_files.webvtt((), 0) == "WEBVTT\n"
