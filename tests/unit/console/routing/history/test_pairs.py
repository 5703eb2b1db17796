"""Candidate rules are paired with active rules by name, and renamed ones by content."""

from __future__ import annotations

from typing import Any

import pytest

from headrace.console.routing.history.pairs import pair_rules
from headrace.streams.routing.rule import Rule, read_text

UPLOADS = 'reads = ["media.uploaded"]\n[target]\n'


def rule(name: str, target: str = 'sns = "arn:a"', head: str = "") -> Rule:
    return read_text(name, f"{head}{UPLOADS}{target}\n", ["sns", "sqs"])


@pytest.mark.parametrize(
    ("active", "candidates", "prune", "changes"),
    [
        ([], ["a"], False, {"a": "new"}),
        (["a"], ["a"], False, {"a": "same"}),
        (["a"], [], False, {"a": "not in the folder"}),
        (["a"], [], True, {"a": "removed"}),
        (["a"], ["b"], False, {"b": "renamed"}),
        (["a", "b"], ["a", "c"], True, {"a": "same", "c": "renamed"}),
    ],
)
def test_pairs_rules(active: list[str], candidates: list[str], prune: bool, changes: dict[str, str]) -> None:
    pairs = pair_rules([rule(name) for name in active], [rule(name) for name in candidates], prune)
    assert {pair.name: pair.change for pair in pairs} == changes


def test_two_rules_of_one_content_are_renamed_once() -> None:
    pairs = pair_rules([rule("a")], [rule("b"), rule("c")], True)
    assert [(pair.name, pair.change) for pair in pairs] == [("b", "renamed"), ("c", "new")]


@pytest.mark.parametrize(
    ("target", "head", "settings", "payload"),
    [
        ('sns = "arn:a"', "rate = 5\n", ("rate",), "same"),
        ('sns = "arn:b"', "", ("target",), "elsewhere"),
        ('sqs = "arn:a"', "", ("target",), "elsewhere"),
        ('sns = "arn:a"\ninput = { template = "x" }', "", ("target",), "compare"),
        ('sns = "arn:a"', 'enabled = "shadow"\n', ("shadow",), "same"),
    ],
)
def test_a_changed_rule_names_its_settings(target: str, head: str, settings: Any, payload: str) -> None:
    [pair] = pair_rules([rule("a")], [rule("a", target, head)], False)
    assert (pair.change, pair.changed_settings, pair.payload) == ("changed", settings, payload)
