"""Serialized dead letters match their headers and contain no secrets."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.console.dlq import serialize
from headrace.console.dlq.dispositions import decide
from headrace.console.dlq.listing import LetterPage, ListedLetter
from headrace.console.dlq.stats import LetterCounter, total
from headrace.console.kafka.letter_id import letter_id
from headrace.schemas.messages import ConsumerRecord
from tests.support import records
from tests.support.records import NOW
from tests.unit.console.asset_history import entry, letter
from tests.unit.console.dlq.letters import AT, a_letter, failed

URL = "https://b.s3.amazonaws.com/k?X-Amz-Signature=CANARY1"
SECRETS = (URL, "AKIACANARYCANARY0000", "Authorization: Bearer CANARY2.CANARY2")

headers = st.lists(
    st.tuples(
        st.sampled_from(["ce_id", "dlq-attempts", "dlq-timestamp", "dlq-last-failure", "dlq-message", "dlq-code", "x"]),
        st.none() | st.binary(max_size=20) | st.text(alphabet="0123456789²", max_size=30).map(str.encode),
    ),
    max_size=6,
)


def fields(record: ConsumerRecord) -> dict[str, Any]:
    return serialize.letter(ListedLetter(letter_id(record), record))


def test_serializes_a_dead_letter() -> None:
    record = letter(entry(records.uploaded()), "probe").record
    assert fields(record) == {
        "id": letter_id(record),
        "stage": "probe",
        "code": "unreadable",
        "class": "PermanentError",
        "key": "media/photos/cat.jpg",
        "failed_at": "2026-03-14T15:09:27.000Z",
        "first_failure": "2026-03-14T15:09:27.000Z",
        "attempts": 1,
        "redriven": 0,
        "reason": "no moov atom",
        "origin": "media.uploaded/0/0",
        "origin_at": "2026-03-14T15:09:26.000Z",
        "record": "probe.dlq/0/0",
        "event": entry(records.uploaded()).envelope.id,  # type: ignore[union-attr]
        "disposition": None,
    }


@pytest.mark.parametrize(
    ("names", "origin"),
    [
        ((("dlq-queue", b"https://sqs/q"), ("dlq-sqs-message", b"m1")), "https://sqs/q message m1"),
        ((("dlq-topic-arn", b"arn:aws:sns:x"), ("dlq-sns-message", b"m2")), "arn:aws:sns:x message m2"),
        ((), "?/?/?"),
    ],
)
def test_bridge_letter_has_its_message_id(names: tuple[tuple[str, bytes], ...], origin: str) -> None:
    assert fields(a_letter(*names, topic="bridge.dlq"))["origin"] == origin


def test_serializes_a_disposition() -> None:
    record = failed("a", 0)
    found = ListedLetter(letter_id(record), record, decide(letter_id(record), "wont-fix", "old", "ann@desk", NOW))
    disposition = {"status": "wont-fix", "why": "old", "by": "ann@desk", "at": "2026-03-14T15:09:26.000Z"}
    assert serialize.letter(found)["disposition"] == disposition


@given(found=headers, key=st.none() | st.binary(max_size=20), at=st.floats(allow_nan=False))
def test_serialization_never_raises(found: list[tuple[str, bytes | None]], key: bytes | None, at: float) -> None:
    record = a_letter(*found, key=key, timestamp=at)
    json.dumps(fields(record))
    tally = LetterCounter({})
    tally.take([record])
    json.dumps(serialize.stats(total([tally.found()]), AT))


@pytest.mark.parametrize("secret", SECRETS)
def test_serialized_dead_letter_has_no_secret(secret: str) -> None:
    raw = secret.encode()
    names = ("dlq-code", "dlq-class", "dlq-message", "dlq-first-failure", "dlq-topic", "dlq-partition", "ce_id")
    record = a_letter(*((name, raw) for name in names), ("dlq-offset", b"1"), key=b"media/" + raw)
    decided = decide(letter_id(record), "wont-fix", secret, "ann", NOW)
    tally = LetterCounter({})
    tally.take([record, failed("b", 1, why=secret, code=secret)])
    page = LetterPage((ListedLetter(letter_id(record), record, decided),))
    for shown in (serialize.page(page), serialize.stats(total([tally.found()]), AT)):
        assert "CANARY" not in json.dumps(shown)


def test_redacts_the_query_string_of_a_key() -> None:
    record = a_letter(key="media/Straße 1/what?.jpg".encode())
    assert fields(record)["key"] == "media/Straße 1/what?.jpg"
    assert fields(a_letter(key=b"media/a.jpg?sig=CANARY"))["key"] == "media/a.jpg?[redacted]"


def test_serializes_statistics() -> None:
    tally = LetterCounter({})
    tally.take([failed("a", 0), failed("b", 3600)])
    output = serialize.stats(total([tally.found()]), AT + 3600)
    assert output == {
        "letters": 2,
        "resolved": 0,
        "records": 2,
        "by_stage": {"probe": 2},
        "by_code": {"timeout": 2},
        "by_class": {"Transient": 2},
        "by_hour": {"2026-03-14T15:00Z": 1, "2026-03-14T16:00Z": 1},
        "groups": [
            {
                "stage": "probe",
                "code": "timeout",
                "class": "Transient",
                "normalized_reason": "took <n> s",
                "letters": 2,
                "first": "2026-03-14T15:09:26.000Z",
                "last": "2026-03-14T16:09:26.000Z",
                "new": True,
                "example": letter_id(failed("b", 0)),
            }
        ],
    }
