"""Avro schemas as trees."""

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


def test_named_types_come_inner_ones_first_under_their_full_names() -> None:
    assert list(schema_walk.named_types(EVENT)) == ["headrace.Kind", "headrace.Pointer", "headrace.MediaFramed"]


def test_a_name_without_a_namespace_is_in_that_of_its_surroundings() -> None:
    assert schema_walk.named_types(EVENT)["headrace.Pointer"]["name"] == "headrace.Pointer"


def test_references_are_replaced_by_what_they_refer_to() -> None:
    fields = {each["name"]: each["type"] for each in schema_walk.inline_named_types(EVENT)["fields"]}

    assert fields["second"] == ["null", fields["first"]]
    assert fields["third"]["items"] == fields["first"]
    assert fields["kind"]["symbols"] == ["image", "other"]


def test_expanding_leaves_the_schema_as_it_was() -> None:
    before = repr(EVENT)

    schema_walk.inline_named_types(EVENT)

    assert repr(EVENT) == before


def test_every_place_has_a_path() -> None:
    paths = [path for path, _ in schema_walk.walk(schema_walk.inline_named_types(EVENT))]

    assert paths == [
        "",
        "first", "first.key", "first.kind",
        "second", "second", "second.key", "second.kind",
        "third", "third[]", "third[].key", "third[].kind",
        "kind",
        "tags", "tags{}", "tags{}",
    ]  # fmt: skip


def test_a_type_that_holds_itself_ends_at_the_inner_reference() -> None:
    tree = record("Tree", field("branches", {"type": "array", "items": "headrace.Tree"}))

    assert list(schema_walk.walk(schema_walk.inline_named_types(tree)))[-1] == ("branches[]", "headrace.Tree")
