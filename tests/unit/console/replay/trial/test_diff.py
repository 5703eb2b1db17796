"""Comparison of new and stored results."""

from __future__ import annotations

from msgspec.structs import replace

from headrace.console.replay.trial.diff import changes, verdict_of
from headrace.schemas.records import Charge, Label, MediaLabelled, Pointer
from tests.support.records import asset

POINTER = Pointer(bucket="b", key="k", size=1, sha256="0" * 64, content_type="application/json")
BEFORE = MediaLabelled(
    asset=asset(),
    labels=(Label(name="Cat", confidence=99.0), Label(name="Sofa", confidence=61.0)),
    label_count=2,
    model="3.0",
    result=POINTER,
    charges=(Charge(service="rekognition", operation="DetectLabels", units=1.0, unit="image", usd=0.001),),
)


def test_ignores_storage_location_and_charges() -> None:
    after = replace(BEFORE, result=replace(POINTER, bucket="c", key="l"), charges=())
    assert changes(BEFORE, after) == ()
    assert verdict_of(BEFORE, after, ()) == "same"


def test_compares_the_content_hash() -> None:
    [change] = changes(BEFORE, replace(BEFORE, result=replace(POINTER, sha256="1" * 64)))
    assert change.field == "result.sha256"


def test_names_each_changed_field_with_both_values() -> None:
    field_changes = changes(BEFORE, replace(BEFORE, labels=BEFORE.labels[:1], label_count=1))
    values = {each.field: (each.before, each.after) for each in field_changes}
    assert values["labels.length"] == ("2", "1")
    assert values["labels[1].name"] == ('"Sofa"', "")
    assert values["label_count"] == ("2", "1")
    assert verdict_of(BEFORE, BEFORE, field_changes) == "changed"


def test_one_sided_results_are_new_or_gone() -> None:
    assert verdict_of(None, BEFORE, ()) == "new"
    assert verdict_of(BEFORE, None, ()) == "gone"
    assert verdict_of(None, None, ()) == "unanswered"
