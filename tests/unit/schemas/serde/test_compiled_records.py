"""Compiled readers and writers against fastavro, for every event."""

from __future__ import annotations

from datetime import datetime
from io import BytesIO
from typing import Any

import fastavro
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.schemas.records import EVENTS, Event
from headrace.schemas.serde import catalog
from headrace.schemas.serde.binary import read_varint, write_long
from headrace.schemas.serde.generic_avro import parsed
from headrace.schemas.serde.record_reader import compile_reader
from headrace.schemas.serde.record_writer import compile_writer
from tests.support.records import asset, uploaded
from tests.unit.schemas.serde.test_codec import records_of

SCHEMAS = {event: parsed(version.schema) for event, version in catalog.latest(catalog.versions()).items()}
READERS = {event: compile_reader(schema, EVENTS[event]) for event, schema in SCHEMAS.items()}
WRITERS = {event: compile_writer(schema, EVENTS[event]) for event, schema in SCHEMAS.items()}


def written(record: Event) -> bytes:
    parts: list[bytes] = []
    WRITERS[record.EVENT](record, parts.append)
    return b"".join(parts)


def written_by_fastavro(record: Event) -> bytes:
    out = BytesIO()
    values = msgspec.to_builtins(record, builtin_types=(datetime, bytes))
    fastavro.schemaless_writer(out, SCHEMAS[record.EVENT], values, disable_tuple_notation=True)
    return out.getvalue()


@settings(max_examples=20)
@pytest.mark.parametrize("event", sorted(EVENTS))
@given(data=st.data())
def test_bytes_are_those_of_fastavro(event: str, data: st.DataObject) -> None:
    record = data.draw(records_of(event))
    expected = written_by_fastavro(record)

    assert written(record) == expected
    assert READERS[event](expected, 0) == (record, len(expected))


@given(st.sampled_from(sorted(EVENTS)), st.binary(max_size=100))
def test_bytes_that_are_read_are_read_by_fastavro_to_the_same_record(event: str, body: bytes) -> None:
    try:
        record, end = READERS[event](body, 0)
    except Exception:  # as the codec does
        return
    if end <= len(body):
        datum: Any = fastavro.schemaless_reader(BytesIO(body), SCHEMAS[event], None)
        assert msgspec.convert(datum, EVENTS[event]) == record


def test_reads_arrays_of_several_blocks() -> None:
    schema = parsed(
        {
            "type": "record",
            "name": "MediaCompleted",
            "fields": [{"name": "failed", "type": {"type": "array", "items": "string"}}],
        }
    )

    class Parts(msgspec.Struct):
        failed: tuple[str, ...]

    read = compile_reader(schema, Parts)

    assert read(b"\x02\x02a\x03\x08\x02b\x02c\x00", 0)[0] == Parts(("a", "b", "c"))
    assert read(b"\x83\x00\x08\x02b\x02c\x00", 0)[0] == Parts(("b", "c"))
    for invalid in (b"\x80\x00", b"\x02\x02a\x80\x00", b"\xfe\x01" + b"\x00" * 126):
        with pytest.raises(ValueError, match="a block of"):
            read(invalid, 0)


@pytest.mark.parametrize("number", [0, -1, 1, 63, -64, 64, 2**31, 2**63 - 1, -(2**63)])
def test_numbers_are_written_in_zigzag(number: int) -> None:
    encoded, end = read_varint(write_long(number), 0)

    assert (encoded >> 1 ^ -(encoded & 1), end) == (number, len(write_long(number)))


@pytest.mark.parametrize(
    ("at", "byte", "reason"),
    [(0, b"\x01", "negative size"), (-1, b"\x05", "no symbol"), (None, b"\xff" * 11 + b"\x00", "more than 10 bytes")],
)
def test_rejects_what_the_schema_does_not_allow(at: int | None, byte: bytes, reason: str) -> None:
    body = bytearray(written(uploaded(asset("key"))))
    if at is None:
        body[0:0] = byte
    else:
        body[at] = byte[0]

    with pytest.raises(ValueError, match=reason):
        READERS["MediaUploaded"](bytes(body), 0)


@pytest.mark.parametrize("type_", ["null", {"type": "fixed", "name": "Sum", "size": 4}, ["int", "string"]])
def test_types_that_no_event_uses_are_named(type_: Any) -> None:
    schema = parsed({"type": "record", "name": "MediaUploaded", "fields": [{"name": "region", "type": type_}]})

    with pytest.raises(ValueError, match=r"no event has a value of type|a union of"):
        compile_reader(schema, EVENTS["MediaUploaded"])
    with pytest.raises(ValueError, match=r"no event has a value of type|a union of"):
        compile_writer(schema, EVENTS["MediaUploaded"])
