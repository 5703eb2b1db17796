"""Tests of walking Avro schemas."""

from __future__ import annotations

from headrace.schemas.evolution import schema_walk
from tests.unit.schemas.secrets import NULLABLE, enum, field, record

KIND = enum("Kind", "image", "other", default="other")
POINTER = {"type": "record", "name": "Pointer", "doc": "A record.", "fields": [field("key"), field("kind", KIND)]}
EVENT = record(
    "MediaFramed",
    field("first", POINTER),
    field("second", ["null", "headrace.Pointer"], default=None),
    field("third", {"type": "array", "items": "Pointer"}),
    field("kind", "headrace.Kind"),
    field("tags", {"type": "map", "values": NULLABLE}),
)


def test_named_types_returns_inner_types_first() -> None:
    assert list(schema_walk.named_types(EVENT)) == ["headrace.Kind", "headrace.Pointer", "headrace.MediaFramed"]


def test_name_without_a_namespace_inherits_it() -> None:
    assert schema_walk.named_types(EVENT)["headrace.Pointer"]["name"] == "headrace.Pointer"


def test_expand_replaces_references_with_definitions() -> None:
    fields = {each["name"]: each["type"] for each in schema_walk.inline_named_types(EVENT)["fields"]}

    assert fields["second"] == ["null", fields["first"]]
    assert fields["third"]["items"] == fields["first"]
    assert fields["kind"]["symbols"] == ["image", "other"]


def test_expand_does_not_change_the_schema() -> None:
    before = repr(EVENT)

    schema_walk.inline_named_types(EVENT)

    assert repr(EVENT) == before


def test_walk_yields_the_path_of_every_value() -> None:
    paths = [path for path, _ in schema_walk.walk(schema_walk.inline_named_types(EVENT))]

    assert paths == [
        "",
        "first", "first.key", "first.kind",
        "second", "second", "second.key", "second.kind",
        "third", "third[]", "third[].key", "third[].kind",
        "kind",
        "tags", "tags{}", "tags{}",
    ]  # fmt: skip


def test_walk_stops_at_a_recursive_reference() -> None:
    tree = record("Tree", field("branches", {"type": "array", "items": "headrace.Tree"}))

    assert list(schema_walk.walk(schema_walk.inline_named_types(tree)))[-1] == ("branches[]", "headrace.Tree")
