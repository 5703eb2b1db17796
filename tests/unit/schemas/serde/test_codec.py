"""Tests of encoding and decoding with every published schema version."""

from __future__ import annotations

import copy
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.schemas.evolution import schema_walk
from headrace.schemas.records import EVENTS, Asset, Event, JobFinished, MediaCompleted, MediaDeleted, MediaProbed
from headrace.schemas.serde import catalog, codec, generic_avro
from headrace.schemas.serde.catalog import Schema, SchemaVersion
from headrace.schemas.serde.codec import Codec, DecodeError, UnknownSchemaError
from headrace.schemas.serde.writer_schema import InvalidSchemaError
from tests.unit.schemas.secrets import field

BOOK = codec.load()
NEWEST = catalog.latest(catalog.versions())
NOW = datetime(2026, 3, 14, 15, 9, 26, 535000, tzinfo=UTC)
ASSET = Asset(bucket="media", key="Straße 1/a+b.mp4", version="1", etag="", size=0, sequencer="0A")
DELETED = MediaDeleted(asset=ASSET, event_name="ObjectRemoved:Delete", deleted_at=NOW, region="us-east-1")
FINISHED = JobFinished(
    token="labels-1", service="rekognition", operation="", job_id="1", status="succeeded", finished_at=NOW
)
PROBED = MediaProbed(asset=ASSET, kind="image", format="jpeg")

texts = st.text(st.characters(exclude_categories=["Cs"]))
timestamps = st.integers(-62_000_000_000, 250_000_000_000).map(lambda second: datetime.fromtimestamp(second, UTC))
PLAIN: dict[str, st.SearchStrategy[Any]] = {
    "null": st.none(),
    "string": texts,
    "int": st.integers(-(2**31), 2**31 - 1),
    "long": st.integers(-(2**63), 2**63 - 1),
    "double": st.floats(allow_nan=False),
    "boolean": st.booleans(),
}


def data_of(type_: Any) -> st.SearchStrategy[Any]:
    """Generate values of an expanded Avro type."""
    if isinstance(type_, list):
        return st.one_of(*map(data_of, type_))
    if isinstance(type_, str):
        return PLAIN[type_]
    if type_["type"] == "record":
        return st.fixed_dictionaries({each["name"]: data_of(each["type"]) for each in type_["fields"]})
    if type_["type"] == "map":
        return st.dictionaries(st.text(), data_of(type_["values"]), max_size=3)
    if type_["type"] == "array":
        return st.lists(data_of(type_["items"]), max_size=3)
    if type_["type"] == "enum":
        return st.sampled_from(type_["symbols"])
    if type_.get("logicalType") == "timestamp-millis":
        return st.builds(
            lambda timestamp, millis: timestamp.replace(microsecond=1000 * millis), timestamps, st.integers(0, 999)
        )
    return PLAIN[type_["type"]]


def records_of(event: str) -> st.SearchStrategy[Event]:
    return data_of(schema_walk.inline_named_types(NEWEST[event].schema)).map(
        lambda datum: msgspec.convert(datum, EVENTS[event])
    )


events = st.sampled_from(sorted(EVENTS)).flatmap(records_of)


def changed(event: str, *more: dict[str, Any]) -> Schema:
    """Return a mutable copy of the newest schema of an event with additional fields."""
    schema = copy.deepcopy(NEWEST[event].schema)
    schema["fields"] += more
    return schema


def newer(event: str, schema: Schema) -> Codec:
    """A codec of a newer version of Headrace."""
    return Codec((*catalog.versions(), SchemaVersion(event, 2, schema)))


@pytest.mark.parametrize("event", sorted(EVENTS))
@given(data=st.data())
def test_what_is_written_is_read(event: str, data: st.DataObject) -> None:
    record = data.draw(records_of(event))

    assert BOOK.decode(BOOK.encode(record)) == record


def test_fingerprint_follows_the_avro_specification() -> None:
    assert generic_avro.fingerprint({"type": "int"}).hex() == "8f5c393f1ad57572"


def test_record_starts_with_the_avro_marker_and_the_fingerprint() -> None:
    data = BOOK.encode(DELETED)

    assert data[:10] == b"\xc3\x01" + generic_avro.fingerprint(NEWEST["MediaDeleted"].schema)


@given(st.binary())
def test_arbitrary_bytes_raise_only_decode_error(data: bytes) -> None:
    with pytest.raises(DecodeError):
        BOOK.decode(data)


@given(st.sampled_from(sorted(EVENTS)), st.binary(max_size=200))
def test_known_fingerprint_with_arbitrary_bytes_raises_only_decode_error(event: str, body: bytes) -> None:
    data = codec.MARKER + generic_avro.fingerprint(NEWEST[event].schema) + body
    try:
        record = BOOK.decode(data)
    except DecodeError:
        return
    assert EVENTS[event] is type(record)


@given(events, st.data())
def test_rejects_truncated_records(record: Event, data: st.DataObject) -> None:
    whole = BOOK.encode(record)
    length = data.draw(st.integers(0, len(whole) - 1))

    with pytest.raises(DecodeError):
        BOOK.decode(whole[:length])


@given(events, st.binary(min_size=1))
def test_rejects_trailing_bytes(record: Event, more: bytes) -> None:
    with pytest.raises(DecodeError, match=f"^{len(more)} trailing bytes after a headrace.{record.EVENT}"):
        BOOK.decode(BOOK.encode(record) + more)


@pytest.mark.parametrize("nothing", [None, b""])
def test_rejects_a_tombstone(nothing: bytes | None) -> None:
    with pytest.raises(DecodeError, match="tombstone"):
        BOOK.decode(nothing)


def test_confluent_framing_without_a_registry_is_named() -> None:
    with pytest.raises(DecodeError, match="without a schema registry"):
        BOOK.decode(b"\x00\x00\x00\x00\x07body")


def test_unpublished_schema_is_named_by_its_fingerprint() -> None:
    with pytest.raises(UnknownSchemaError) as caught:
        BOOK.decode(codec.MARKER + b"\xff" * 8 + b"body")

    assert caught.value.fingerprint == "ff" * 8


def test_decode_error_states_that_the_bytes_end() -> None:
    with pytest.raises(DecodeError, match=r"not a headrace\.MediaDeleted: the bytes end too early$"):
        BOOK.decode(BOOK.encode(DELETED)[: codec.HEADER])


def test_decode_error_has_a_reason_if_fastavro_gives_none() -> None:
    schema = changed("MediaDeleted", field("reason", ["null", "string"], default=None))
    older = codec.load()
    older.add_writer_schema(schema)

    with pytest.raises(DecodeError, match=r"not a headrace\.MediaDeleted: EOFError$"):
        older.decode(newer("MediaDeleted", schema).encode(DELETED)[: codec.HEADER])


def test_reads_newer_records_after_adding_their_schema() -> None:
    schema = changed("MediaDeleted", field("reason", ["null", "string"], default=None))
    data = newer("MediaDeleted", schema).encode(DELETED)
    older = codec.load()
    with pytest.raises(UnknownSchemaError):
        older.decode(data)

    older.add_writer_schema(schema)

    assert older.decode(data) == DELETED


def test_older_records_get_default_values() -> None:
    older = copy.deepcopy(NEWEST["MediaProbed"].schema)
    older["fields"] = [each for each in older["fields"] if each["name"] != "bit_rate"]
    record_codec = Codec(
        (SchemaVersion("MediaProbed", 1, older), SchemaVersion("MediaProbed", 2, NEWEST["MediaProbed"].schema))
    )

    data = Codec((SchemaVersion("MediaProbed", 1, older),)).encode(PROBED)

    assert record_codec.decode(data) == PROBED


def test_unknown_symbol_becomes_the_enum_default() -> None:
    schema = changed("JobFinished")
    status = next(each for each in schema["fields"] if each["name"] == "status")
    status["type"]["symbols"].append("cancelled")
    data = newer("JobFinished", schema).encode(msgspec.structs.replace(FINISHED, status="cancelled"))
    older = codec.load()

    older.add_writer_schema(schema)

    assert older.decode(data) == msgspec.structs.replace(FINISHED, status="failed")


def test_rejects_records_with_an_incompatible_schema() -> None:
    schema = changed("MediaDeleted")
    schema["fields"] = [each for each in schema["fields"] if each["name"] != "region"]
    data = newer("MediaDeleted", schema).encode(DELETED)
    record_codec = codec.load()
    record_codec.add_writer_schema(schema)

    with pytest.raises(DecodeError, match="region"):
        record_codec.decode(data)


def test_ignores_schemas_of_unknown_events() -> None:
    stranger = {"type": "record", "name": "headrace.MediaFramed", "fields": [field("x")]}
    record_codec = codec.load()

    record_codec.add_writer_schema(stranger)

    with pytest.raises(UnknownSchemaError):
        record_codec.decode(codec.MARKER + generic_avro.fingerprint(stranger) + b"\x02x")


def test_known_fingerprint_keeps_its_own_schema() -> None:
    stripped = changed("MediaDeleted")
    deleted_at = next(each for each in stripped["fields"] if each["name"] == "deleted_at")
    deleted_at["type"] = "long"
    record_codec = codec.load()

    record_codec.add_writer_schema(stripped)

    assert record_codec.decode(record_codec.encode(DELETED)) == DELETED


@pytest.mark.parametrize(
    "schema", [{}, None, 5, "int?", {"type": "record"}, {"type": "record", "name": "A", "fields": [field("x", "B")]}]
)
def test_rejects_invalid_schemas(schema: Any) -> None:
    with pytest.raises(InvalidSchemaError):
        codec.load().add_writer_schema(schema)


@pytest.mark.parametrize("schema", ["int", [], {"type": "array", "items": "int"}])
def test_ignores_schemas_that_are_not_records(schema: Any) -> None:
    record_codec = codec.load()

    record_codec.add_writer_schema(schema)

    assert record_codec.decode(record_codec.encode(DELETED)) == DELETED


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "sculpture"},
        {"width": "5"},
        {"width": 2**40},
        {"format": None},
        {"format": "\ud800"},
        {"asset": None},
        {"asset": msgspec.structs.replace(ASSET, size=2**70)},
        {"asset": msgspec.structs.replace(ASSET, size="big")},
    ],
)
def test_rejects_values_that_do_not_match_the_schema(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"not a headrace\.MediaProbed: "):
        BOOK.encode(msgspec.structs.replace(PROBED, **wrong))


def test_nullable_list_of_two_is_written_as_a_list() -> None:
    schema = changed("MediaCompleted")
    succeeded = next(each for each in schema["fields"] if each["name"] == "succeeded")
    succeeded["type"] = ["null", succeeded["type"]]
    record_codec = Codec((SchemaVersion("MediaCompleted", 1, schema),))
    record = MediaCompleted(asset=ASSET, succeeded=("labels", "probe"), failed=(), usd=0.0)

    assert record_codec.decode(record_codec.encode(record)) == record
