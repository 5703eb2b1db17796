"""Tests of the redaction of personal data in speech."""

from __future__ import annotations

from headrace.sandbox.ai.transcribe import output_files
from headrace.sandbox.ai.transcribe.redaction import redact
from headrace.sandbox.ai.transcribe.speech import RecognizedSpeech, SpokenSegment, timed_words

TALK = SpokenSegment(0.0, 4.0, "My card is 4111 1111 1111 1111, my address ada@example.com!")
SPEECH = RecognizedSpeech((TALK, SpokenSegment(5.0, 6.0, "Ask not.")), "captions", synthetic=False)


def test_each_instance_is_one_item_with_the_time_of_its_words() -> None:
    card, _, _, mail = timed_words(redact(SPEECH).segments[0])[3:]
    original = timed_words(TALK)
    assert (card.text, card.redacted) == ("[PII],", "CREDIT_DEBIT_NUMBER")
    assert (card.start, card.end) == (original[3].start, original[6].end)
    assert (mail.text, mail.redacted) == ("[PII]!", "EMAIL")
    assert (mail.start, mail.end) == (original[-1].start, original[-1].end)


def test_text_and_subtitles_have_no_personal_data() -> None:
    redacted = redact(SPEECH)
    assert [segment.text for segment in redacted.segments] == ["My card is [PII], my address [PII]!", "Ask not."]
    assert "4111" not in output_files.subrip(redacted.segments, 1)


def test_only_requested_types_are_redacted() -> None:
    [segment, _] = redact(SPEECH, ("EMAIL",)).segments
    assert segment.text == "My card is 4111 1111 1111 1111, my address [PII]!"


def test_item_has_the_confidence_of_the_redaction_instead_of_that_of_the_word() -> None:
    items = output_files.document("job", "000000000000", redact(SPEECH), "en-US", True)["results"]["items"]
    [card, _] = [item for item in items if "redactions" in item["alternatives"][0]]
    assert card["alternatives"][0] == {
        "content": "[PII]",
        "redactions": [{"confidence": "0.95", "category": "PII", "type": "CREDIT_DEBIT_NUMBER"}],
    }
