"""Export and import of dead letters preserve every byte."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.console.dlq.jsonl import digest, line, message, read
from headrace.console.errors import CommandError
from headrace.console.kafka.letter_id import letter_id
from headrace.schemas.cloudevents import Headers
from headrace.schemas.messages import ConsumerRecord, ProducerRecord
from tests.unit.console.dlq.letters import a_letter, failed

some = st.none() | st.binary(max_size=20)
headers = st.lists(st.tuples(st.text(max_size=8), some), max_size=5).map(tuple)


@given(key=some, value=some, found=headers)
def test_export_round_trips(key: bytes | None, value: bytes | None, found: Headers) -> None:
    record = ConsumerRecord("probe.dlq", 1, 7, 1.5, key, value, found)
    [back] = read([line(record)], "file")
    assert message(back) == ProducerRecord("probe.dlq", key, value, found)
    assert digest(back) == digest(record)


def test_line_has_the_letter_id_and_its_offset() -> None:
    record = failed("a", 3)
    fields = json.loads(line(record))
    assert (fields["id"], fields["topic"], fields["partition"], fields["offset"]) == (
        letter_id(record),
        "probe.dlq",
        1,
        3,
    )


def test_null_and_empty_values_differ() -> None:
    ways = [a_letter(("x", each), key=key) for each in (None, b"") for key in (None, b"")]
    assert len({digest(each) for each in ways}) == 4
    assert json.loads(line(ways[0]))["key"] is None


def test_digest_ignores_partition_and_offset() -> None:
    assert digest(failed("a", 3)) == digest(failed("a", 3, partition=9, timestamp=1.0))


def test_empty_lines_are_skipped() -> None:
    assert len(list(read([line(a_letter()), b"\n", b"  \n"], "file"))) == 1


def test_digest_separates_key_and_value() -> None:
    assert digest(a_letter(key=b"ab", value=b"c")) != digest(a_letter(key=b"a", value=b"bc"))


@pytest.mark.parametrize(
    "changes",
    [{"key": "no base64!"}, {"value": 3}, {"headers": [["x"]]}, {"topic": None}, {"more": 1}, {"topic": "media.ready"}],
)
def test_invalid_letter_error_names_file_and_line(changes: dict[str, Any]) -> None:
    bad = json.dumps({**json.loads(line(a_letter())), **changes}).encode()
    with pytest.raises(CommandError, match=r"^letters\.jsonl:2: .*nothing was imported"):
        list(read([line(a_letter()), bad], "letters.jsonl"))


def test_invalid_json_is_rejected() -> None:
    with pytest.raises(CommandError, match=r"^file:1: not a dead letter"):
        list(read([b"words\n"], "file"))
