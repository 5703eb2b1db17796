"""The field decoder returns what the codec returns, and rejects what it rejects."""

from __future__ import annotations

import random
from typing import Any

import msgspec
import pytest

from headrace.schemas.serde import catalog
from headrace.schemas.serde.catalog import SchemaVersion
from headrace.schemas.serde.codec import MARKER, DecodeError, UnknownSchemaError
from headrace.schemas.serde.field_decoder import FieldDecoder
from headrace.schemas.serde.field_reader import INVALID, ReadFields, compile_reader
from headrace.schemas.serde.limited_stream import MAX_READS
from headrace.schemas.serde.reader_source import Selection
from headrace.schemas.serde.writer_schema import checked_schema
from tests.support import golden
from tests.support.records import CODEC, asset, uploaded

VERSIONS = catalog.versions()
NEWEST = tuple(catalog.latest(VERSIONS).values())
WHOLE = FieldDecoder(CODEC, None)


def data_of(version: SchemaVersion) -> bytes:
    return bytes.fromhex(golden.read(version).bytes)


def json_of(data: bytes) -> Any:
    """Return a whole record as JSON, as the codec reads it."""
    return _json(CODEC.decode(data))


def _json(value: object) -> Any:
    return msgspec.json.decode(msgspec.json.encode(value))


@pytest.mark.parametrize("version", VERSIONS, ids=lambda version: version.label)
def test_whole_record_of_any_version_equals_the_codecs(version: SchemaVersion) -> None:
    event, fields = WHOLE.decode(data_of(version))
    assert (event, _json(fields)) == (version.event, json_of(data_of(version)))


@pytest.mark.parametrize("version", NEWEST, ids=lambda version: version.event)
def test_each_selected_field_is_read_and_the_others_are_skipped(version: SchemaVersion) -> None:
    data = data_of(version)
    whole = json_of(data)
    for name in whole:
        assert FieldDecoder(CODEC, {name: None}).decode(data) == (version.event, {name: whole[name]})
    assert FieldDecoder(CODEC, {}).decode(data) == (version.event, {})


@pytest.mark.parametrize(
    ("selection", "found"),
    [
        ({"asset": {"key": None, "absent": None}}, {"asset": {"key": "a"}}),
        ({"asset": {"size": {"below": None}}, "region": {}}, {"asset": {"size": 10}, "region": "us-east-1"}),
        ({"absent": None}, {}),
    ],
)
def test_selection_reaches_into_records_and_ends_at_scalars(selection: Selection, found: object) -> None:
    assert FieldDecoder(CODEC, selection).decode(CODEC.encode(uploaded(asset("a"))))[1] == found


@pytest.mark.parametrize("version", NEWEST, ids=lambda version: version.event)
@pytest.mark.parametrize("selection", [{}, None], ids=["nothing", "whole"])
def test_rejects_truncated_and_trailing_bytes_as_the_codec_does(version: SchemaVersion, selection: Selection) -> None:
    read = compile_reader(checked_schema(version.schema), selection)
    data = data_of(version)
    assert read(data, 10)[1] == len(data)
    for end in range(10, len(data)):
        assert _end(read, data[:end]) != end
    assert _end(read, data + b"\0") == len(data)
    with pytest.raises(DecodeError, match="trailing bytes"):
        FieldDecoder(CODEC, selection).decode(data + b"\0")


def _end(read: ReadFields, data: bytes) -> int | None:
    try:
        return read(data, 10)[1]
    except INVALID:
        return None


def test_corrupt_bytes_have_the_result_of_the_codec() -> None:
    draw = random.Random(1)
    for version in NEWEST:
        data = data_of(version)
        for _ in range(60):
            changed = bytearray(data)
            changed[draw.randrange(10, len(data))] = draw.randrange(256)
            assert _result(WHOLE, bytes(changed)) == _expected(bytes(changed)), version.label


def _expected(data: bytes) -> object:
    try:
        return json_of(data)
    except DecodeError as error:
        return str(error)


def _result(decoder: FieldDecoder, data: bytes) -> object:
    try:
        return _json(decoder.decode(data)[1])
    except DecodeError as error:
        return str(error)


def test_count_of_an_array_is_bounded_by_the_bytes() -> None:
    schema = {"type": "record", "name": "a", "fields": [{"name": "x", "type": {"type": "array", "items": "double"}}]}
    endless = b"\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01" + b"\0" * 8
    selections: tuple[Selection, ...] = ({}, None)
    for selection in selections:
        with pytest.raises(INVALID):
            compile_reader(checked_schema(schema), selection)(endless, 0)


def test_array_in_blocks_with_their_size_is_read() -> None:
    schema = {"type": "record", "name": "a", "fields": [{"name": "x", "type": {"type": "array", "items": "string"}}]}
    blocks = b"\x03\x08\x02a\x02b" + b"\x02\x02c" + b"\0"
    assert compile_reader(checked_schema(schema), None)(blocks, 0)[0] == {"x": ["a", "b", "c"]}
    assert compile_reader(checked_schema(schema), {})(blocks, 0) == ({}, len(blocks))


@pytest.mark.parametrize("data", [None, b"", b"\0\0\0\0\1x", b"plain"])
def test_what_is_no_record_is_the_codecs_error(data: bytes | None) -> None:
    with pytest.raises(DecodeError):
        WHOLE.decode(data)


def test_unknown_schema_and_large_record_go_to_the_codec() -> None:
    with pytest.raises(UnknownSchemaError):
        WHOLE.decode(MARKER + b"12345678")
    large = CODEC.encode(uploaded(asset("k" * (MAX_READS + 1))))
    assert WHOLE.decode(large)[1] == json_of(large)
