"""Tests that input transformers behave like those of EventBridge."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.streams.routing.input_transformer import (
    InputTransformer,
    InvalidTemplateError,
    transform,
    value_at,
)

EVENT: dict[str, Any] = {
    "detail-type": "MediaLabelled",
    "time": "2026-03-14T15:09:26Z",
    "detail": {"key": 'a "b"\n', "count": 0, "ok": False, "none": None, "labels": [{"name": "Cat"}, {"name": "Dog"}]},
    "headrace": {"topic": "media.labelled"},
}
PATHS = {
    "key": "$.detail.key",
    "count": "$.detail.count",
    "ok": "$.detail.ok",
    "none": "$.detail.none",
    "gone": "$.detail.gone.deeper",
    "dog": "$.detail.labels[1].name",
    "kind": "$['detail-type']",
    "labels": "$.detail.labels",
}


def payload(template: str) -> str:
    return transform(InputTransformer(PATHS, template), EVENT, "flagged")


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ('{"a": <key>}', {"a": 'a "b"\n'}),
        ('{"a": "<key>"}', {"a": 'a "b"\n'}),
        ('{"a": "count is <count>, ok is <ok>"}', {"a": "count is 0, ok is false"}),
        ('{"a": <count>, "b": <ok>}', {"a": 0, "b": False}),
        ('{"a": "<gone>", "b": "<none>"}', {"a": "", "b": ""}),
        ('{"a": <labels>, "b": <dog>}', {"a": [{"name": "Cat"}, {"name": "Dog"}], "b": "Dog"}),
        ('{"a": "\\"<kind>\\""}', {"a": '"MediaLabelled"'}),
        ('["<aws.events.rule-name>"]', ["flagged"]),
        ('{"e": <aws.events.event>}', {"e": {name: EVENT[name] for name in EVENT if name != "headrace"}}),
        ('{"e": <aws.events.event.json>}', {"e": EVENT}),
        ('"at <aws.events.event.ingestion-time>"', "at 2026-03-14T15:09:26Z"),
    ],
)
def test_json_template_produces_json(template: str, expected: object) -> None:
    assert json.loads(payload(template)) == expected


def test_text_template_produces_text() -> None:
    assert payload("<dog> in <key>: <count>") == 'Dog in a "b"\n: 0'


def test_sends_the_event_without_a_template() -> None:
    assert json.loads(transform(InputTransformer(), EVENT, "flagged")) == EVENT


def test_missing_path_has_no_value() -> None:
    assert value_at(EVENT, "$.detail.labels[7].name") is None
    assert value_at(EVENT, "$.detail.key.deeper") is None
    assert value_at(EVENT, "$") == EVENT


@given(st.text(max_size=40))
def test_json_template_produces_json_for_any_value(value: str) -> None:
    transformer = InputTransformer({"v": "$.v"}, '{"quoted": "<v>", "plain": <v>}')
    assert json.loads(transform(transformer, {"v": value}, "r")) == {"quoted": value, "plain": value}


@pytest.mark.parametrize("template", ["<unknown>", "x" * 8193])
def test_rejects_invalid_templates(template: str) -> None:
    with pytest.raises(InvalidTemplateError):
        InputTransformer({}, template)
