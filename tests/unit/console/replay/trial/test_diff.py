"""What a stage answers now beside what it answered before."""

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


def test_where_a_result_lies_and_what_it_cost_is_of_no_matter() -> None:
    after = replace(BEFORE, result=replace(POINTER, bucket="c", key="l"), charges=())
    assert changes(BEFORE, after) == ()
    assert verdict_of(BEFORE, after, ()) == "same"


def test_what_a_result_holds_is() -> None:
    [change] = changes(BEFORE, replace(BEFORE, result=replace(POINTER, sha256="1" * 64)))
    assert change.field == "result.sha256"


def test_each_field_that_differs_is_named_with_both_values() -> None:
    found = changes(BEFORE, replace(BEFORE, labels=BEFORE.labels[:1], label_count=1))
    told = {each.field: (each.before, each.after) for each in found}
    assert told["labels.length"] == ("2", "1")
    assert told["labels[1].name"] == ('"Sofa"', "")
    assert told["label_count"] == ("2", "1")
    assert verdict_of(BEFORE, BEFORE, found) == "changed"


def test_an_answer_that_is_there_only_once_is_new_or_gone() -> None:
    assert verdict_of(None, BEFORE, ()) == "new"
    assert verdict_of(BEFORE, None, ()) == "gone"
    assert verdict_of(None, None, ()) == "unanswered"
