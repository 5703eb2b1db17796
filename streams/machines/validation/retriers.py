"""Checks of Retry and Catch."""

from __future__ import annotations

from headrace.streams.machines.errors import ALL
from headrace.streams.machines.validation.expressions import assignments, payload, result_path
from headrace.streams.machines.validation.node import FieldRule, Node, ObjectFields, reading
from headrace.streams.machines.validation.values import (
    MAX_SECONDS,
    array_of,
    integer_from,
    number_from,
    one_of,
    text,
)

MAX_ATTEMPTS = 99_999_999
MAX_DELAY_SECONDS = 31_622_400

_ERROR_NAMES = FieldRule(array_of(text, may_be_empty=False), required=True)
_RETRIER = ObjectFields(
    {
        "ErrorEquals": _ERROR_NAMES,
        "IntervalSeconds": FieldRule(integer_from(1, MAX_SECONDS)),
        "MaxAttempts": FieldRule(integer_from(0, MAX_ATTEMPTS)),
        "BackoffRate": FieldRule(number_from(1.0)),
        "MaxDelaySeconds": FieldRule(integer_from(1, MAX_DELAY_SECONDS)),
        "JitterStrategy": FieldRule(one_of("FULL", "NONE")),
        "Comment": FieldRule(text),
    }
)
_CATCHER = ObjectFields(
    {
        "ErrorEquals": _ERROR_NAMES,
        "Next": FieldRule(text, required=True),
        "ResultPath": FieldRule(result_path, "JSONPath"),
        "Output": FieldRule(reading("errorOutput", payload), "JSONata"),
        "Assign": FieldRule(reading("errorOutput", assignments)),
        "Comment": FieldRule(text),
    }
)


def retriers(node: Node) -> None:
    """Check Retry."""
    array_of(_retrier)(node)
    _check_all_is_last(node)


def catchers(node: Node) -> None:
    """Check Catch."""
    array_of(_CATCHER)(node)
    _check_all_is_last(node)


def _retrier(node: Node) -> None:
    _RETRIER(node)
    if not isinstance(node.value, dict):
        return
    interval, maximum = node.value.get("IntervalSeconds", 1), node.value.get("MaxDelaySeconds")
    if isinstance(interval, int) and isinstance(maximum, int) and maximum <= interval:
        node.error("The value of 'MaxDelaySeconds' must be greater than the value of 'IntervalSeconds'")


def _check_all_is_last(node: Node) -> None:
    if not isinstance(node.value, list):
        return
    last = len(node.value) - 1
    for index, item in enumerate(node.items()):
        names = item.value.get("ErrorEquals") if isinstance(item.value, dict) else None
        if not isinstance(names, list) or ALL not in names:
            continue
        if len(names) > 1 or index < last:
            item.child("ErrorEquals").error(f"{ALL} must appear alone and at end of list")
