"""Tests that input transformers behave like those of EventBridge."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.streams.routing.event_path import PathValues, values_at
from headrace.streams.routing.input_transformer import (
    MAX_PAYLOAD,
    InputTransformer,
    InvalidPayloadError,
    InvalidTemplateError,
    RuleContext,
    transform,
)

EVENT: dict[str, Any] = {
    "detail-type": "MediaLabelled",
    "time": "2026-03-14T15:09:26Z",
    "detail": {
        "key": 'a "b"\n',
        "count": 0,
        "ok": False,
        "none": None,
        "labels": [{"name": "Cat"}, {"name": "Dog"}],
        "empty": [],
    },
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
    "all": "$.detail.labels[*]",
    "names": "$.detail.labels[*].name",
    "nothing": "$.detail.empty[*].name",
    "absent": "$.detail.gone[*]",
}


ARN = "arn:aws:events:eu-central-1:111122223333:rule/flagged"
RULE = RuleContext("flagged", ARN, "2026-03-14T15:09:30Z")


def payload(template: str) -> str:
    return transform(InputTransformer(PATHS, template), EVENT, RULE)


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ('{"a": <key>}', {"a": 'a "b"\n'}),
        ('{"a": "<key>"}', {"a": 'a "b"\n'}),
        ('{"a": "count is <count>, ok is <ok>"}', {"a": "count is 0, ok is false"}),
        ('{"a": <count>, "b": <ok>}', {"a": 0, "b": False}),
        ('{"a": "<gone>", "b": "<none>"}', {"a": "", "b": "null"}),
        ('{"a": <gone>, "b": <none>}', {"a": "", "b": None}),
        ("[<gone>]", [""]),
        ('{"a": <names>, "b": <all>}', {"a": ["Cat", "Dog"], "b": [{"name": "Cat"}, {"name": "Dog"}]}),
        ('{"a": <nothing>, "b": <absent>}', {"a": [], "b": ""}),
        ('"names: <names>, all: <all>, ok: <ok>"', "names: [Cat,Dog], all: [{name:Cat},{name:Dog}], ok: false"),
        ("<dog>", "Dog"),
        ("<labels>", [{"name": "Cat"}, {"name": "Dog"}]),
        ('{"a": <labels>, "b": <dog>}', {"a": [{"name": "Cat"}, {"name": "Dog"}], "b": "Dog"}),
        ('{"a": "\\"<kind>\\""}', {"a": '"MediaLabelled"'}),
        ('["<aws.events.rule-name>"]', ["flagged"]),
        ('{"e": <aws.events.event>}', {"e": {"detailType": "MediaLabelled", "time": "2026-03-14T15:09:26Z"}}),
        ('{"arn": <aws.events.rule-arn>}', {"arn": ARN}),
        ('{"e": <aws.events.event.json>}', {"e": EVENT}),
        ('"at <aws.events.event.ingestion-time>"', "at 2026-03-14T15:09:30Z"),
    ],
)
def test_json_template_produces_json(template: str, expected: object) -> None:
    assert json.loads(payload(template)) == expected


def test_text_template_produces_text() -> None:
    assert payload("<dog>,<count>") == "Dog,0"
    assert payload("<dog> in <key>: <count>") == 'Dog in a "b"\n: 0'


def test_sends_the_event_without_a_template() -> None:
    assert json.loads(transform(InputTransformer(), EVENT, RULE)) == EVENT


def test_missing_path_has_no_value() -> None:
    assert values_at(EVENT, "$.detail.labels[7].name") is None
    assert values_at(EVENT, "$.detail.key.deeper") is None
    assert values_at(EVENT, "$") == PathValues([EVENT], is_list=False)


@given(st.text(max_size=40))
def test_json_template_produces_json_for_any_value(value: str) -> None:
    transformer = InputTransformer({"v": "$.v"}, '{"quoted": "<v>", "plain": <v>}')
    assert json.loads(transform(transformer, {"v": value}, RULE)) == {"quoted": value, "plain": value}


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(json_values)
def test_quoted_template_is_a_json_string_for_any_value(value: object) -> None:
    sent = transform(InputTransformer({"v": "$.v"}, '"a <v> b <w>"'.replace("<w>", "<v>")), {"v": value}, RULE)
    assert isinstance(json.loads(sent), str)


@given(json_values)
def test_json_template_is_json_or_rejected_for_any_value(value: object) -> None:
    transformer = InputTransformer({"v": "$.v"}, '{"a": "x <v>", "b": [<v>]}')
    try:
        sent = json.loads(transform(transformer, {"v": value}, RULE))
    except InvalidPayloadError:
        assert isinstance(value, dict | list)
    else:
        assert sent["b"] == [value]


# What EventBridge sent for a template, as recorded against AWS by the tests of LocalStack
# (tests/aws/services/events/test_events_inputs.snapshot.json).
ORDER = {
    "version": "0",
    "id": "7bf73129-1428-4cd3-a780-95db273d1602",
    "detail-type": "order.changed",
    "source": "shop",
    "account": "111122223333",
    "time": "2026-03-14T15:09:26Z",
    "region": "eu-central-1",
    "resources": [],
    "detail": {
        "command": "change",
        "payload": {"acc_id": "0a-5", "sf_id": "baz"},
        "one": ["HIGH"],
        "two": ["ACTIVE", "INACTIVE"],
        "valid": True,
    },
}
ORDER_PATHS = {
    "type": "$.detail-type",
    "time": "$.time",
    "command": "$.detail.command",
    "missing": "$.detail.notinmessage",
    "user": "$.detail.payload.acc_id",
    "payload": "$.detail.payload",
    "account": "$.detail.awsAccountId",
    "one": "$.detail.one",
    "two": "$.detail.two",
    "valid": "$.detail.valid",
}


PAYLOAD = {"acc_id": "0a-5", "sf_id": "baz"}
PAYLOAD_TEXT = "{acc_id:0a-5,sf_id:baz}"
WITHOUT_DETAIL = {name: value for name, value in ORDER.items() if name not in ("detail", "detail-type")} | {
    "detailType": "order.changed"
}


def ordered(template: str) -> str:
    return transform(InputTransformer(ORDER_PATHS, template), ORDER, RULE)


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ('"<type> at <time>: <command>"', "order.changed at 2026-03-14T15:09:26Z: change"),
        ('"<type> at <time>: <missing>"', "order.changed at 2026-03-14T15:09:26Z: "),
        ('"{[/Check of <type>"', "{[/Check of order.changed"),
        (
            '{"type": <type>,  "time": <time>, "c": <command>}',
            {"type": "order.changed", "time": ORDER["time"], "c": "change"},
        ),
        ('{"type": <type>, "c": <missing>}', {"type": "order.changed", "c": ""}),
        (
            '{"path": "users/<user>", "bod": <payload>}',
            {"path": "users/0a-5", "bod": {"acc_id": "0a-5", "sf_id": "baz"}},
        ),
        (
            '"Payload of <payload> with users/<user> and <user>"',
            "Payload of {acc_id:0a-5,sf_id:baz} with users/0a-5 and 0a-5",
        ),
        ('{"id" : <user>}', {"id": "0a-5"}),
        ('{"id" : "<user>"}', {"id": "0a-5"}),
        ('{"bod": [<user>, "fixed"]}', {"bod": ["0a-5", "fixed"]}),
        (
            '{"n": {"a": {"b": {"c": "users/<user>"} } }, "bod": "<user>"}',
            {"n": {"a": {"b": {"c": "users/0a-5"}}}, "bod": "0a-5"},
        ),
        ('"<one> single list item"', "[HIGH] single list item"),
        ('"<two> multiple list items"', "[ACTIVE,INACTIVE] multiple list items"),
        ('{"one": <one>}', {"one": ["HIGH"]}),
        (
            '"<one> a <two> b <account> c <payload> d <user>"',
            "[HIGH] a [ACTIVE,INACTIVE] b  c {acc_id:0a-5,sf_id:baz} d 0a-5",
        ),
        ('{"twice": "users/<user>/second/<user>"}', {"twice": "users/0a-5/second/0a-5"}),
        ('"Command is <valid>!"', "Command is true!"),
        (
            '"<aws.events.rule-arn> <aws.events.rule-name> <aws.events.event.ingestion-time>"',
            f"{ARN} flagged {RULE.ingested_at}",
        ),
        ('{"e": <aws.events.event.json>}', {"e": ORDER}),
        ('{"e": <aws.events.event>}', {"e": WITHOUT_DETAIL}),
        ("<payload>", PAYLOAD),
    ],
)
def test_payload_is_what_eventbridge_sends(template: str, expected: object) -> None:
    assert json.loads(ordered(template)) == expected


def test_template_of_several_lines_is_what_eventbridge_sends() -> None:
    assert (
        ordered('"<one> item"\n"<two> items"\n"<payload>"')
        == '"[HIGH] item"\n"[ACTIVE,INACTIVE] items"\n"{acc_id:0a-5,sf_id:baz}"'
    )


@pytest.mark.parametrize(
    "template", ['{"a": "users/<payload>", "b": <payload>}', '{"payload": "<payload>"}', '{"one": "<one>"}']
)
def test_payload_that_eventbridge_drops_is_rejected(template: str) -> None:
    with pytest.raises(InvalidPayloadError, match="inside quotes"):
        ordered(template)


def test_payload_is_bounded() -> None:
    event = {"detail": "x" * 1000}
    transformer = InputTransformer({}, "[" + ",".join(["<aws.events.event.json>"] * 300) + "]")
    assert len(transform(transformer, event, RULE)) < MAX_PAYLOAD
    with pytest.raises(InvalidPayloadError, match="more than 1,048,576 characters"):
        transform(transformer, {"detail": "x" * 5000}, RULE)


@pytest.mark.parametrize(
    ("paths", "template"),
    [
        ({}, "<unknown>"),
        ({}, '"<notdefinedkey>"'),
        ({}, "x" * 8193),
        ({"a": "$.b"}, '{"a": <a>'),
        ({"a": "$.b"}, '{"a": "<a>}'),
        ({"a": "$.b"}, "{a: <a>}"),
        ({"a": "$.b"}, "[<a>,]"),
        ({"aws.events.event": "$.b"}, "<aws.events.event>"),
        ({"AWSname": "$.b"}, "<AWSname>"),
        ({"a b": "$.b"}, "x"),
        ({"": "$.b"}, "x"),
        ({"a": "detail"}, "<a>"),
        ({"a": "$..b"}, "<a>"),
        ({"a": "$.b[?(@.c)]"}, "<a>"),
        ({"a": "$.b[-1]"}, "<a>"),
        ({"a": "$.b[0,1]"}, "<a>"),
        ({"a": "$.b[99999999999999999999]"}, "<a>"),
        ({"a": "$." + "b" * 256}, "<a>"),
        ({"a": 5}, "<a>"),
    ],
)
def test_rejects_invalid_transformers(paths: dict[str, str], template: str) -> None:
    with pytest.raises(InvalidTemplateError):
        InputTransformer(paths, template)


def test_time_is_linear_in_the_template() -> None:
    template = '"' + "<a>" * 2700 + '"'
    assert transform(InputTransformer({"a": "$.a"}, template), {"a": 1}, RULE) == '"' + "1" * 2700 + '"'
