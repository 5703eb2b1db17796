"""Tests of the comparison of answers."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.contract.fidelity.shapes import Values, differences

WHEN = datetime(2026, 3, 14, tzinfo=UTC)


@pytest.mark.parametrize(
    ("recorded", "actual"),
    [
        ({"size": 9, "time": "date"}, {"size": 12, "time": WHEN}),
        ({"Message": "Queue <resource:1> is gone"}, {"Message": "Queue fidelity-1 is gone"}),
        ({"Body": {"Type": "Notification"}}, {"Body": '{"Type": "Notification"}'}),
        ([{"reason": "PutObject"}, {"reason": "CopyObject"}], [{"reason": "CopyObject"}, {"reason": "PutObject"}]),
        ({"ResponseMetadata": {"HTTPHeaders": {}}}, {"ResponseMetadata": {"RequestId": "1", "RetryAttempts": 0}}),
    ],
)
def test_answers_of_one_shape_are_equal(recorded: object, actual: object) -> None:
    assert differences(recorded, actual) == []


@pytest.mark.parametrize(
    ("recorded", "actual", "expected"),
    [
        ({"a": 1}, {}, "a: missing"),
        ({}, {"a": {"b": 1}}, "a: additional"),
        ({"a": {"b": 1}}, {"a": {"b": "1"}}, "a.b: string instead of number"),
        ({"a": [{"b": 1}]}, {"a": [{"b": True}]}, "a[].b: boolean instead of number"),
        ({"a": [1, 2]}, {"a": [1]}, "a: 1 items instead of 2"),
        ({"Error": {"Code": "A"}}, {"Error": {"Code": "B"}}, 'Error.Code: "B" instead of "A"'),
        ({"Error": {"Code": "A"}}, None, "accepts what AWS rejects"),
        ({"SenderFault": True}, {"SenderFault": False}, "SenderFault: false instead of true"),
    ],
)
def test_difference_names_its_path(recorded: Any, actual: Any, expected: str) -> None:
    assert differences(recorded, actual) == [expected]


@pytest.mark.parametrize(("values", "count"), [("fixed", 0), ("all", 1), ("none", 0)])
def test_values_are_compared_as_requested(values: Values, count: int) -> None:
    assert len(differences({"text": "a"}, {"text": "b"}, values)) == count


def test_items_are_merged_without_values() -> None:
    assert differences([{"a": 1}, {"b": 1}], [{"a": 2, "b": 2, "c": 2}], "none") == ["[].c: additional"]
