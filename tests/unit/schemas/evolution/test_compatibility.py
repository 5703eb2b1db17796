"""Tests of every compatibility rule, with schemas that break it."""

from __future__ import annotations

from typing import Any

import pytest

from headrace.schemas.evolution.compatibility import LintProblem, check
from headrace.schemas.serde import catalog
from headrace.schemas.serde.catalog import Schema, SchemaVersion
from tests.unit.schemas.secrets import MOMENT, NULLABLE, enum, field, record, versions

LONG_NULLABLE = ["null", "long"]


def framed(*fields: dict[str, Any], **more: Any) -> Schema:
    """Return a version of an example event; all its versions have `id`."""
    return record("MediaFramed", field("id"), *fields, **more)


def described(*schemas: Schema) -> list[str]:
    return [str(problem) for problem in check(versions(*schemas))]


def test_published_schemas_are_compatible() -> None:
    assert check(catalog.versions()) == []


def test_new_field_with_a_default_is_compatible() -> None:
    assert check(versions(framed(), framed(field("title", NULLABLE, default=None)))) == []


def test_field_with_a_default_can_be_removed() -> None:
    assert check(versions(framed(field("title", NULLABLE, default=None)), framed())) == []


def test_new_symbol_of_an_enum_with_a_default_is_compatible() -> None:
    old, new = enum("Kind", "a", "b", default="b"), enum("Kind", "a", "b", "c", default="b")

    assert check(versions(framed(field("kind", old)), framed(field("kind", new)))) == []


def test_problem_names_event_versions_path_and_fix() -> None:
    problem = LintProblem("MediaFramed", (1, 3), "frames[].at", "is odd", "correct it")

    assert str(problem) == "MediaFramed v1, v3 at frames[].at: is odd; correct it"


def test_problem_of_a_whole_schema_has_no_path() -> None:
    assert str(LintProblem("MediaFramed", (1,), "", "is odd", "correct it")) == "MediaFramed v1: is odd; correct it"


# What Avro's checker sees, in both directions and against all older versions


def test_rejects_a_new_field_without_a_default() -> None:
    problems = described(framed(), framed(field("size", "long")))

    assert problems == [
        "MediaFramed v2, v1 at size: v2 cannot read what v1 wrote: it needs this field; "
        "keep a field without a default; give a new one a default",
        "MediaFramed v2, v1 at size: is new and has no default; give it a default",
    ]


def test_rejects_removal_of_a_field_without_a_default() -> None:
    (problem,) = check(versions(framed(field("size", "long")), framed()))

    assert (problem.versions, problem.path) == ((1, 2), "size")
    assert problem.why == "v1 cannot read what v2 wrote: it needs this field"


def test_checks_a_version_against_all_older_ones() -> None:
    with_size = framed(field("size", "long", default=0))
    without = framed()
    back_as_text = framed(field("size", "string", default=""), field("more", NULLABLE, default=None))

    problems = check(versions(with_size, without, back_as_text))

    assert {problem.versions for problem in problems} == {(3, 1), (1, 3)}
    assert {problem.path for problem in problems} == {"size"}


@pytest.mark.parametrize(
    ("old", "new", "both"),
    [
        ("int", "long", False),
        ("string", NULLABLE, False),
        ("long", "string", True),
        (NULLABLE, LONG_NULLABLE, True),
        ({"type": "array", "items": "string"}, "string", True),
    ],
)
def test_type_change_is_reported_with_its_path(old: Any, new: Any, both: bool) -> None:
    problems = check(versions(framed(field("value", old)), framed(field("value", new))))

    assert {problem.path for problem in problems} == {"value"}
    if both:
        assert [problem.versions for problem in problems] == [(2, 1), (1, 2)]


@pytest.mark.parametrize(
    ("wrap", "path"),
    [
        (lambda inner: inner, "inside.value"),
        (lambda inner: ["null", inner], "inside.value"),
        (lambda inner: {"type": "array", "items": inner}, "inside[].value"),
        (lambda inner: {"type": "map", "values": inner}, "inside{}.value"),
        (lambda inner: ["null", {"type": "array", "items": inner}], "inside[].value"),
    ],
)
def test_nested_type_change_is_reported_with_its_path(wrap: Any, path: str) -> None:
    old, new = (framed(field("inside", wrap(record("Inner", field("value", type_))))) for type_ in ("long", "string"))

    problems = check(versions(old, new))

    assert [(problem.versions, problem.path) for problem in problems] == [((2, 1), path), ((1, 2), path)]


def test_type_change_in_a_recursive_type_is_reported() -> None:
    def tree(type_: str) -> Schema:
        inner = record("Tree", field("value", type_), field("branches", {"type": "array", "items": "headrace.Tree"}))
        return framed(field("tree", inner))

    assert "tree.value" in {problem.path for problem in check(versions(tree("long"), tree("string")))}


def test_rejects_removal_of_a_symbol_without_an_enum_default() -> None:
    old, new = enum("Kind", "a", "b"), enum("Kind", "a")

    why = [problem.why for problem in check(versions(framed(field("kind", old)), framed(field("kind", new))))]

    assert "v2 cannot read what v1 wrote: it lacks a symbol and has no default" in why


def test_rejects_a_new_size_of_a_fixed_type() -> None:
    old, new = ({"type": "fixed", "name": "headrace.Hash", "size": size, "doc": "A hash."} for size in (16, 32))

    problems = check(versions(framed(field("hash", old)), framed(field("hash", new))))

    assert {(problem.path, problem.why.partition(": ")[2]) for problem in problems} == {
        ("hash", "it expects another size")
    }


# What it does not see


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        (MOMENT, "long", "logical type timestamp-millis became none"),
        (MOMENT, {"type": "long", "logicalType": "timestamp-micros"}, "timestamp-millis became timestamp-micros"),
        (
            {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2},
            {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 4},
            "logical type decimal 9 2 became decimal 9 4",
        ),
        ({"type": "array", "items": MOMENT}, {"type": "array", "items": "long"}, "timestamp-millis became none"),
        (["null", MOMENT], LONG_NULLABLE, "timestamp-millis became none"),
    ],
)
def test_rejects_a_changed_logical_type(old: Any, new: Any, why: str) -> None:
    extra = field("title", NULLABLE, default=None)

    (problem,) = check(versions(framed(field("at", old)), framed(field("at", new), extra)))

    assert why in problem.why
    assert problem.path.removesuffix("[]") == "at"


def test_rejects_a_changed_logical_type_after_the_field_was_removed() -> None:
    gone = framed()
    old, new = framed(field("at", MOMENT, default=0)), framed(field("at", "long", default=0), field("x", default=""))

    problems = check(versions(old, gone, new))

    assert [problem.versions for problem in problems] == [(3, 1)]


def test_nullable_timestamp_keeps_its_logical_type() -> None:
    problems = check(versions(framed(field("at", MOMENT)), framed(field("at", ["null", MOMENT]))))

    assert not any("logical type" in problem.why for problem in problems)


@pytest.mark.parametrize(
    ("schema", "path"),
    [
        (record("MediaFramed", field("id"), doc=""), "MediaFramed"),
        (framed({"name": "at", "type": "long"}), "MediaFramed.at"),
        (framed(field("inner", record("Inner", {"name": "at", "type": "long"}))), "Inner.at"),
        (framed(field("kind", enum("Kind", "a", default="a", doc=""))), "Kind"),
    ],
)
def test_rejects_missing_docs(schema: Schema, path: str) -> None:
    assert described(schema) == [f"MediaFramed v1 at {path}: has no doc; say in one line what it is"]


def test_rejects_an_enum_without_a_default() -> None:
    assert described(framed(field("kind", enum("Kind", "a")))) == [
        "MediaFramed v1 at Kind: is an enum without a default; name the symbol that unknown ones become"
    ]


def test_rejects_a_type_alias_without_a_namespace() -> None:
    assert described(framed(field("inner", record("Inner", field("x"), aliases=["Core"])))) == [
        "MediaFramed v1 at Inner: has the alias Core, which is no full name; write headrace.Core"
    ]


def test_rejects_a_renamed_type_without_its_old_full_name_as_alias() -> None:
    old, new = framed(field("inner", record("Core", field("x")))), framed(field("inner", record("Inner", field("x"))))

    assert (
        "MediaFramed v2, v1 at inner: headrace.Core was renamed to headrace.Inner; "
        'keep the name, or add "aliases": ["headrace.Core"]'
    ) in described(old, new)


def test_rejects_a_renamed_type_that_old_readers_cannot_resolve() -> None:
    old = framed(field("inner", record("Core", field("x"))))
    new = framed(field("inner", record("Inner", field("x"), aliases=["headrace.Core"])))

    (problem,) = check(versions(old, new))

    assert (problem.versions, problem.path) == ((1, 2), "inner")
    assert problem.why == "v1 cannot read what v2 wrote: it knows the type by another name"


def test_rejects_a_renamed_field_without_an_alias() -> None:
    old, new = framed(field("title", default="")), framed(field("name", default=""))

    assert described(old, new) == [
        "MediaFramed v2, v1 at name: came as title, of the same type, went: a rename without an alias; "
        'add "aliases": ["title"], or remove and add in two versions'
    ]


def test_renamed_field_with_an_alias_is_compatible() -> None:
    old, new = framed(field("title", default="")), framed(field("name", default="", aliases=["title"]))

    assert check(versions(old, new)) == []


def test_rejects_a_reverted_rename_without_an_alias() -> None:
    old, new = framed(field("name", default="", aliases=["title"])), framed(field("title", default=""))

    (problem,) = check(versions(old, new))

    assert 'add "aliases": ["name"]' in problem.todo


def test_renamed_field_with_an_alias_needs_no_default() -> None:
    old, new = framed(field("title", default="")), framed(field("name", aliases=["title"]))

    assert check(versions(old, new)) == []


def test_new_field_beside_a_renamed_one_is_not_a_rename() -> None:
    old = framed(field("title", default=""))
    new = framed(field("name", default="", aliases=["title"]), field("subtitle", default=""))

    assert check(versions(old, new)) == []


def test_replacing_a_field_by_one_of_another_type_is_not_a_rename() -> None:
    old, new = framed(field("title", default="")), framed(field("size", "long", default=0))

    assert check(versions(old, new)) == []


def test_new_optional_record_may_have_fields_without_defaults() -> None:
    inner = record("Inner", field("x"))

    assert check(versions(framed(), framed(field("inner", ["null", inner], default=None)))) == []


def test_rejects_versions_with_the_same_fingerprint() -> None:
    (problem,) = check(versions(framed(field("size", "long", default=0)), framed(field("size", "long", default=1))))

    assert problem.versions == (1, 2)
    assert "for MediaFramed v1 and MediaFramed v2" in problem.why


def test_rejects_version_numbers_with_gaps() -> None:
    extra = framed(field("title", NULLABLE, default=None))
    published = (SchemaVersion("MediaFramed", 2, framed()), SchemaVersion("MediaFramed", 4, extra))

    assert [str(problem) for problem in check(published)] == [
        "MediaFramed v2, v4: versions are not numbered 1, 2, 3, ...; number the newest one after the last"
    ]


def test_rejects_a_type_that_differs_between_events() -> None:
    one = record("MediaFramed", field("inner", record("Inner", field("x"))))
    other = record("MediaCropped", field("inner", record("Inner", field("x", "long"))))

    (problem,) = check((*versions(one), *versions(other)))

    assert str(problem) == (
        "MediaCropped v1 at Inner: differs from the headrace.Inner of MediaFramed v1; "
        "make them the same, in a new version of either"
    )


def test_type_may_differ_from_older_versions_of_other_events() -> None:
    old, new = record("Inner", field("x")), record("Inner", field("x"), field("y", NULLABLE, default=None))
    framings = versions(framed(field("inner", old)), framed(field("inner", new)))

    assert check((*framings, *versions(record("MediaCropped", field("inner", new))))) == []


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "record", "name": "MediaFramed", "namespace": "headrace"},
        framed(field("inner", "headrace.Nowhere")),
        framed(field("size", "long", default="big")),
        framed(field("kind", enum("Kind", "a", default="b"))),
        framed(field("id")),
    ],
)
def test_invalid_schema_is_reported_first(schema: Schema) -> None:
    (problem,) = check(versions(schema))

    assert problem.why.startswith("invalid Avro schema: ")


@pytest.mark.parametrize("schema", [framed(namespace="elsewhere"), enum("MediaFramed", "a", default="a")])
def test_rejects_a_record_name_other_than_the_folder(schema: Schema) -> None:
    published = (SchemaVersion("MediaFramed", 1, schema),)

    assert [str(problem) for problem in check(published)][:1] == [
        "MediaFramed v1: does not define the record headrace.MediaFramed; name it as its folder is named"
    ]
