"""Hostile writer schemas and hostile records: rejected, and cheap to reject."""

from __future__ import annotations

import contextlib
import copy
import json
import resource
import subprocess
import sys
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.schemas.serde import catalog, codec, generic_avro
from headrace.schemas.serde.catalog import SchemaVersion
from headrace.schemas.serde.codec import Codec, DecodeError
from headrace.schemas.serde.writer_schema import MAX_TEXT_BYTES, InvalidSchemaError, checked_schema, parse_schema
from tests.support.records import asset, uploaded
from tests.unit.schemas.secrets import field

BOOK = codec.load()
NEWEST = catalog.latest(catalog.versions())
CPU_SECONDS = 2.0
"""Far above the time of a bounded decoder, on a busy machine too, and far below that of an unbounded one."""

EMPTY = {"type": "record", "name": "Empty", "fields": []}


def with_field(type_: Any) -> dict[str, Any]:
    """Return the schema of `MediaUploaded` with one more field of a type."""
    schema = copy.deepcopy(NEWEST["MediaUploaded"].schema)
    schema["fields"].append(field("extra", type_))
    return schema


def nested(depth: int, kind: str = "array") -> Any:
    type_: Any = "long"
    for _ in range(depth):
        type_ = {"type": kind, {"array": "items", "map": "values"}[kind]: type_}
    return type_


def doubling(levels: int) -> Any:
    """Return a record that holds the next one twice: 2^levels leaves in a few hundred bytes."""
    type_: Any = {"type": "record", "name": "D0", "fields": [field("x", "null")]}
    for level in range(1, levels):
        name = f"D{level}"
        fields = [field("a", type_), field("b", f"D{level - 1}")]
        type_ = {"type": "record", "name": name, "fields": fields}
    return type_


def zigzag(number: int) -> bytes:
    """Encode an Avro long."""
    left, out = (number << 1) ^ (number >> 63), b""
    left &= 2**64 - 1
    while left > 127:
        out += bytes([left & 127 | 128])
        left >>= 7
    return out + bytes([left])


HOSTILE = {
    "holds itself": {**with_field("MediaUploaded")},
    "holds itself in an array": with_field({"type": "array", "items": "MediaUploaded"}),
    "holds itself in a union": with_field(["null", "MediaUploaded"]),
    "holds itself by full name": with_field(["null", "headrace.MediaUploaded"]),
    "array of null": with_field({"type": "array", "items": "null"}),
    "array of empty records": with_field({"type": "array", "items": EMPTY}),
    "array of records of nulls": with_field(
        {
            "type": "array",
            "items": {"type": "record", "name": "N", "fields": [field(f"f{n}", "null") for n in range(9)]},
        }
    ),
    "array of empty fixed": with_field({"type": "array", "items": {"type": "fixed", "name": "F", "size": 0}}),
    "array of many nulls for each byte": with_field(
        {
            "type": "array",
            "items": {
                "type": "record",
                "name": "N",
                "fields": [field("b", "boolean"), *[field(f"f{n}", "null") for n in range(500)]],
            },
        }
    ),
    "fixed of negative size": with_field({"type": "fixed", "name": "F", "size": -1}),
    "fixed of a huge size": with_field({"type": "fixed", "name": "F", "size": 2**62}),
    "fixed of a size that is no number": with_field({"type": "fixed", "name": "F", "size": "9"}),
    "fixed of size true": with_field({"type": "fixed", "name": "F", "size": True}),
    "deep arrays": with_field(nested(500)),
    "deep maps": with_field(nested(500, "map")),
    "deep type": with_field(json.loads('{"type":' * 500 + '"long"' + "}" * 500)),
    "exponential": with_field(doubling(40)),
    "many fields": {**with_field("long"), "fields": [field(f"f{n}", "long") for n in range(50_000)]},
    "union in a union": with_field(["null", ["null", "string"]]),
    "unknown type": with_field("Missing"),
    "type is a number": with_field(5),
    "fields is an object": {**with_field("long"), "fields": {}},
    "field without a name": {**with_field("long"), "fields": [{"type": "long"}]},
    "field name is a list": {**with_field("long"), "fields": [{"name": ["x"], "type": "long"}]},
    "two fields of one name": {**with_field("long"), "fields": [field("x", "long"), field("x", "long")]},
    "symbols are numbers": with_field({"type": "enum", "name": "E", "symbols": [1]}),
    "no symbols": with_field({"type": "enum", "name": "E", "symbols": []}),
    "name is an object": {**with_field("long"), "name": {}},
    "namespace is a list": {**with_field("long"), "namespace": []},
    "name with an escape sequence": with_field({"type": "enum", "name": "E\x1b[2J", "symbols": ["a"]}),
    "a long name": with_field({"type": "enum", "name": "E" * 10_000, "symbols": ["a"]}),
    "a type with the name of a primitive": with_field({**EMPTY, "name": "long", "namespace": ""}),
    "a type defined twice": with_field([EMPTY, {"type": "record", "name": "Asset", "fields": [field("x")]}]),
}


@pytest.mark.parametrize("name", sorted(HOSTILE))
def test_rejects_hostile_schemas(name: str) -> None:
    started = time.process_time()

    with pytest.raises(InvalidSchemaError):
        codec.load().add_writer_schema(HOSTILE[name])

    assert time.process_time() - started < CPU_SECONDS


@pytest.mark.parametrize("name", ["holds itself", "array of null", "array of empty records"])
def test_records_of_a_hostile_schema_stay_undecoded(name: str) -> None:
    """In a process of its own: without the check, the decoder crashes the process or runs for minutes."""
    script = (
        "import json, sys; from headrace.schemas.serde import codec, generic_avro\n"
        "book = codec.load(); given = json.load(sys.stdin)\n"
        "try: book.add_writer_schema(given)\n"
        "except codec.InvalidSchemaError: pass\n"
        f"mark = codec.MARKER + generic_avro.fingerprint(given); body = bytes.fromhex('{(zigzag(2**62) * 40).hex()}')\n"
        "try: book.decode(mark + body)\n"
        "except codec.DecodeError as error: print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        input=json.dumps(HOSTILE[name]),
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CPU, (20, 20)),
        check=False,
    )

    assert (done.returncode, "is not published" in done.stdout) == (0, True), done.stderr


def test_accepts_every_published_schema() -> None:
    for version in catalog.versions():
        checked = checked_schema(version.schema)
        assert generic_avro.fingerprint(checked) == generic_avro.fingerprint(version.schema), version.label


def test_drops_attributes_that_steer_the_decoder() -> None:
    schema = with_field({"type": "bytes", "logicalType": "decimal", "precision": 10**9, "scale": 10**9})
    schema |= {"__fastavro_parsed__": True, "__named_schemas": {}, "aliases": ["x"], "doc": "d"}

    checked = checked_schema(schema)

    assert set(checked) == {"type", "name", "fields"}
    assert checked["fields"][-1] == {"name": "extra", "type": "bytes"}


def test_limits_the_number_of_schemas_of_an_event() -> None:
    book = codec.load()
    schema = with_field("string")
    for number in range(codec.MAX_SCHEMAS_PER_EVENT - 1):
        schema["fields"][-1]["name"] = f"extra{number}"
        book.add_writer_schema(schema)
    schema["fields"][-1]["name"] = "extra"

    with pytest.raises(InvalidSchemaError, match="at most"):
        book.add_writer_schema(schema)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"[" * 60_000,
        b'{"type":' * 8_000,
        b"9" * 60_000,
        b" " * MAX_TEXT_BYTES + b'"long"',
        b"\xff",
        b'"\\ud800"',
    ],
)
def test_rejects_hostile_schema_text(text: bytes) -> None:
    with pytest.raises(InvalidSchemaError):
        checked_schema(parse_schema(text))


LENGTHS = (-(2**63), -(2**31), -2, -1, 2**20, 2**31, 2**62, 2**63 - 1)


def bodies() -> st.SearchStrategy[bytes]:
    lengths = st.sampled_from(LENGTHS).map(zigzag)
    return st.lists(lengths | st.binary(max_size=20), max_size=20).map(b"".join)


@given(st.sampled_from(sorted(NEWEST)), bodies())
def test_hostile_lengths_and_block_counts_are_cheap(event: str, body: bytes) -> None:
    data = codec.MARKER + generic_avro.fingerprint(NEWEST[event].schema) + body
    started = time.process_time()
    with contextlib.suppress(DecodeError):
        BOOK.decode(data)

    assert time.process_time() - started < CPU_SECONDS


@pytest.mark.parametrize("item", [["null", "long"], "long", "string", {"type": "array", "items": "long"}])
def test_items_of_one_record_are_limited(item: Any) -> None:
    """A 2 MB record of one-byte items would occupy the event loop for seconds."""
    schema = with_field({"type": "array", "items": item})
    schema["fields"][-1]["default"] = []
    record_codec = Codec((*catalog.versions(), SchemaVersion("MediaUploaded", 2, schema)))
    empty = record_codec.encode(uploaded())

    with pytest.raises(DecodeError, match="at most"):
        record_codec.decode(empty[:-1] + zigzag(2_000_000) + bytes(2_000_001))


def test_a_varint_without_end_is_cheap() -> None:
    data = codec.MARKER + generic_avro.fingerprint(NEWEST["MediaUploaded"].schema) + b"\xff" * 2_000_000
    with pytest.raises(DecodeError, match="at most"):
        BOOK.decode(data)


def test_reads_long_texts() -> None:
    event = uploaded(asset("k" * 1_000_000))

    assert BOOK.decode(BOOK.encode(event)) == event
