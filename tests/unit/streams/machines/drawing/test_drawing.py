"""Drawings as SVG and text."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree

import pytest
from hypothesis import given

from headrace.streams.machines.drawing import RULES, StateMark, machine_element, machine_svg, machine_text
from headrace.streams.machines.drawing.rule_text import rule_text
from headrace.streams.machines.drawing.text_size import cut, name_lines
from tests.fuzz.targets import json_values
from tests.support.asl_vectors import load_vectors, vector_id
from tests.support.hostile import HOSTILE, assert_visible

CUSTOMERS = load_vectors("workflows-collection-definitions")
TASK = {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke"}
MACHINE = {
    "StartAt": "Label",
    "States": {
        "Label": {**TASK, "Next": "Flagged?", "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Failed"}]},
        "Flagged?": {
            "Type": "Choice",
            "Choices": [{"Variable": "$.flags", "NumericGreaterThan": 0, "Next": "Review"}],
            "Default": "Each",
        },
        "Review": {**TASK, "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken", "Next": "Each"},
        "Each": {
            "Type": "Map",
            "ItemProcessor": {"StartAt": "Store", "States": {"Store": {**TASK, "End": True}}},
            "End": True,
        },
        "Failed": {"Type": "Fail", "Error": "NoLabels"},
    },
}


def texts(svg: str) -> list[str]:
    """Return the visible texts of a drawing, which must be well-formed."""
    root = ElementTree.fromstring(svg)
    return [element.text or "" for element in root.iter("{http://www.w3.org/2000/svg}text")]


def test_text_shows_states_transitions_and_inner_machines() -> None:
    assert machine_text(MACHINE).splitlines() == [
        "● Label [Task: lambda:invoke]",
        "  → Flagged?",
        "  ! States.ALL → Failed",
        "○ Flagged? [Choice]",
        "  ? $.flags > 0 → Review",
        "  ? default → Each",
        "○ Review [Task: sqs:sendMessage.waitForTaskToken]",
        "  → Each",
        "○ Each [Map] ■",
        "  │ For each item",
        "  │   ● Store [Task: lambda:invoke] ■",
        "○ Failed [Fail: NoLabels] ■",
    ]


def test_svg_shows_names_conditions_and_errors() -> None:
    shown = texts(machine_svg(MACHINE))
    for expected in ("Label", "Flagged?", "Store", "$.flags > 0", "default", "States.ALL", "For each item"):
        assert expected in shown


def test_catch_is_dashed_and_other_transitions_are_not() -> None:
    svg = machine_svg(MACHINE)
    assert svg.count('<g class="catch"><path') == 1
    assert re.search(r"\.catch \.line \{[^}]*stroke-dasharray", svg)
    assert not re.search(r"\n\.machine-picture \.line \{[^}]*dasharray", svg)


def test_svg_needs_no_other_file_and_follows_the_colour_scheme() -> None:
    svg = machine_svg(MACHINE)
    assert "prefers-color-scheme: dark" in svg
    assert not re.search(r"href|url\(|@import|<script", svg)
    assert re.findall(r"https?://[^\"]+", svg) == ["http://www.w3.org/2000/svg"]


def test_marks_colour_states_and_have_signs() -> None:
    svg = machine_svg(MACHINE, {"Label": StateMark("failed", "x3"), "Store": StateMark("succeeded")})
    assert svg.count('class="box marked failed"') == 1
    assert svg.count('class="box marked succeeded"') == 1
    assert [text for text in texts(svg) if text[:1] in "✓✗"] == ["✗ x3", "✓"]
    assert re.search(r"\.box\.failed \{ stroke: var\(--failed\)", svg)
    assert "<title>Label (Task) lambda:invoke, failed x3</title>" in svg


def test_element_has_links_and_no_style_of_its_own() -> None:
    element = machine_element(MACHINE, {}, {"Store": '/x?a=1&b="2"'})
    assert "style" not in element
    assert "<a href='/x?a=1&amp;b=\"2\"'>" in element
    assert element.count("<a ") == 1
    ElementTree.fromstring(element)
    for name in re.findall(r'class="([^"]+)"', element):
        assert all(f".{each}" in RULES or each in ("next", "choice", "default") for each in name.split()), name


@pytest.mark.parametrize("vector", CUSTOMERS, ids=vector_id)
def test_machine_of_a_customer_draws_each_state(vector: dict[str, Any]) -> None:
    names = set(state_names(vector["definition"]))
    svg = machine_svg(vector["definition"])
    titles = [element.text or "" for element in ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}title")]
    text = machine_text(vector["definition"])
    for name in names:
        assert any(title.startswith(f"{' '.join(name.split())} (") for title in map(collapsed, titles)), name
        assert f"{name} [" in text


def collapsed(text: str) -> str:
    return " ".join(text.split())


def state_names(machine: dict[str, Any]) -> list[str]:
    """Return the names of all states, also of those inside other states."""
    names = []
    for name, state in machine["States"].items():
        if isinstance(state, dict):
            names.append(name)
            inner = [*state.get("Branches", []), *(state[key] for key in ("ItemProcessor", "Iterator") if key in state)]
            for each in inner:
                names += state_names(each)
    return names


def test_hostile_texts_stay_text() -> None:
    for text in (*HOSTILE, "<script>alert(1)</script>", "a&b", "'", "]]>", "x" * 100_000, "x " * 50_000):
        state = {"Type": "Task", "Resource": text, "Next": text, "Catch": [{"ErrorEquals": [text], "Next": text}]}
        svg = machine_svg({"Comment": text, "StartAt": text, "States": {text: state}})
        element = machine_element(
            {"StartAt": text, "States": {text: state}}, {}, {text: f"/?state={quote(text, errors='replace')}"}
        )
        for drawn in (svg, element):
            ElementTree.fromstring(drawn)
            assert "<script" not in drawn
        assert_visible(svg)


@given(json_values)
def test_any_json_is_drawn_without_an_exception(value: Any) -> None:
    state = {
        "Type": value,
        "Next": "a",
        "Choices": [{"Next": "a", "And": [value]}],
        "Catch": value,
        "Branches": [value],
    }
    for definition in ({"States": value}, {"StartAt": "a", "States": {"a": state, "b": value}}):
        ElementTree.fromstring(machine_svg(definition))
        machine_text(definition)


def test_machines_nested_deeply_are_cut() -> None:
    machine: dict[str, Any] = {"StartAt": "s", "States": {"s": {"Type": "Pass", "End": True}}}
    for level in range(120):
        machine = {"StartAt": f"p{level}", "States": {f"p{level}": {"Type": "Parallel", "Branches": [machine]}}}
    assert "p100 [Parallel]" in machine_text(machine)
    ElementTree.fromstring(machine_svg(machine))


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        ({"Variable": "$.a", "StringEquals": "x"}, '$.a = "x"'),
        ({"Variable": "$.a", "NumericGreaterThanEqualsPath": "$.b"}, "$.a >= $.b"),
        ({"Variable": "$.a", "TimestampLessThan": "2026-01-01T00:00:00Z"}, '$.a < "2026-01-01T00:00:00Z"'),
        ({"Variable": "$.a", "StringMatches": "*.jpg"}, '$.a matches "*.jpg"'),
        ({"Variable": "$.a", "IsPresent": False}, "$.a is not present"),
        ({"Variable": "$.a", "BooleanEquals": True}, "$.a = true"),
        (
            {"And": [{"Variable": "$.a", "IsNull": True}, {"Or": [{"Variable": "$.b", "IsNull": True}] * 2}]},
            "$.a is null and ($.b is null or $.b is null)",
        ),
        ({"Not": {"Variable": "$.a", "IsNumeric": True}}, "not ($.a is a number)"),
        ({"Condition": "{% $states.input.n > 1 %}"}, "$states.input.n > 1"),
    ],
)
def test_rule_is_readable(rule: dict[str, Any], text: str) -> None:
    assert rule_text(rule) == text


def test_long_names_have_two_lines_and_wide_characters_count_twice() -> None:
    assert name_lines("Wait For Other Processes to Complete or For Time out") == (
        "Wait For Other Processes",
        "to Complete or For Time o…",
    )
    assert name_lines("") == ("",)
    assert cut("漢字漢字", 5) == "漢字…"
