"""Tests of code generation from schemas, and of its errors."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec
import pytest

from headrace.schemas.evolution import codegen
from headrace.schemas.serde import catalog
from headrace.schemas.serde.catalog import Schema
from tests.unit.schemas.secrets import MOMENT, NULLABLE, enum, field, record, versions

KIND = enum("Kind", "image", "other", default="other")


def defined(*schemas: Schema) -> dict[str, Any]:
    """Execute the code generated for the first versions of these events."""
    module = ModuleType("generated")
    sys.modules[module.__name__] = module  # where msgspec looks up the names in annotations
    exec(codegen.source(tuple(version for schema in schemas for version in versions(schema))), vars(module))
    return vars(module)


def framed(*fields: dict[str, Any]) -> Any:
    """Generate an example event with these fields."""
    return defined(record("MediaFramed", *fields))["MediaFramed"]


def hint(cls: Any, name: str) -> Any:
    return next(each.type for each in msgspec.structs.fields(cls) if each.name == name)


def test_records_py_is_up_to_date() -> None:
    written = Path(codegen.TARGET).read_text("utf-8")

    assert written == codegen.render(), "run `python -m headrace.schemas.evolution.codegen`"


def test_event_is_a_frozen_record_with_an_event_name() -> None:
    cls = framed(field("id"))

    assert cls.EVENT == "MediaFramed"
    with pytest.raises(AttributeError):
        cls(id="1").id = "2"


def test_nested_record_has_no_event_name() -> None:
    names = defined(record("MediaFramed", field("inner", record("Inner", field("x")))))

    assert not hasattr(names["Inner"], "EVENT")


def test_event_table_holds_only_events() -> None:
    names = defined(record("MediaFramed", field("inner", record("Inner", field("x")))))

    assert names["EVENTS"] == {"MediaFramed": names["MediaFramed"]}


@pytest.mark.parametrize(
    ("type_", "python"),
    [
        ("string", "str"),
        ("int", "int"),
        ("long", "int"),
        ("float", "float"),
        ("double", "float"),
        ("boolean", "bool"),
        ("bytes", "bytes"),
        (MOMENT, "datetime"),
        (NULLABLE, "str | None"),
        (["string", "null"], "str | None"),
        ({"type": "array", "items": "long"}, "tuple[int, ...]"),
        ({"type": "array", "items": NULLABLE}, "tuple[str | None, ...]"),
        (["null", {"type": "array", "items": "string"}], "tuple[str, ...] | None"),
        ({"type": "map", "values": "string"}, "dict[str, str]"),
        (KIND, "Kind"),
        (record("Inner", field("x")), "Inner"),
        (["null", record("Inner", field("x"))], "Inner | None"),
    ],
)
def test_generates_every_type(type_: Any, python: str) -> None:
    assert f"    value: {python}\n" in codegen.source(versions(record("MediaFramed", field("value", type_))))


def test_reference_to_an_enum_is_not_a_record() -> None:
    cls = framed(field("first", KIND), field("second", "headrace.Kind"), field("third", ["null", "headrace.Kind"]))

    assert hint(cls, "second") == hint(cls, "first")
    record_ = msgspec.convert({"first": "image", "second": "other", "third": None}, cls)
    assert (record_.first, record_.second, record_.third) == ("image", "other", None)


def test_reference_to_a_record_is_resolved() -> None:
    names = defined(record("MediaFramed", field("a", record("Inner", field("x"))), field("b", "headrace.Inner")))

    assert hint(names["MediaFramed"], "b") is names["Inner"]


@pytest.mark.parametrize(
    ("type_", "default", "expected"),
    [
        (NULLABLE, None, None),
        ("string", "x", "x"),
        ("long", 0, 0),
        ("double", 0.5, 0.5),
        ("boolean", True, True),
        (KIND, "image", "image"),
        ({"type": "array", "items": "string"}, [], ()),
        (["null", MOMENT], None, None),
        (["null", record("Inner", field("x"))], None, None),
    ],
)
def test_field_with_a_default_is_optional(type_: Any, default: Any, expected: Any) -> None:
    assert framed(field("value", type_, default=default))().value == expected


def test_nullable_field_without_a_default_is_required() -> None:
    with pytest.raises(TypeError, match="value"):
        framed(field("value", NULLABLE))()


@pytest.mark.parametrize(
    ("type_", "default"),
    [
        (MOMENT, 0),
        ("bytes", "\u00ff"),
        ({"type": "array", "items": "string"}, ["x"]),
        (record("Inner", field("x", default="")), {}),
    ],
)
def test_unsupported_default_error_names_the_field(type_: Any, default: Any) -> None:
    with pytest.raises(ValueError, match=r"^value: default .* make it nullable"):
        framed(field("value", type_, default=default))


@pytest.mark.parametrize(
    "type_",
    [
        {"type": "fixed", "name": "Hash", "size": 16},
        {"type": "bytes", "logicalType": "decimal", "precision": 4},
        {"type": "long", "logicalType": "timestamp-micros"},
    ],
)
def test_rejects_unsupported_types(type_: Any) -> None:
    with pytest.raises(ValueError, match="has no Python form"):
        framed(field("value", type_))


def test_rejects_two_definitions_of_one_name() -> None:
    one = record("MediaFramed", field("inner", record("Inner", field("x"))))
    other = record("MediaCropped", field("inner", record("Inner", field("y"))))

    with pytest.raises(ValueError, match="Inner is defined twice, and differently"):
        defined(one, other)


def test_generates_the_newest_version() -> None:
    published = versions(record("MediaFramed", field("old")), record("MediaFramed", field("new")))

    assert "    new: str" in codegen.source(published)
    assert "    old: str" not in codegen.source(published)


def test_every_published_event_is_generated() -> None:
    text = codegen.source(catalog.versions())

    assert all(f"class {event}(Struct, frozen=True" in text for event in catalog.latest(catalog.versions()))
