"""Hostile records of `system.rules`: rejected, and cheap to reject."""

from __future__ import annotations

import time

import msgspec
import pytest

from headrace.streams.routing.rule_table import RejectedRuleError, RuleTable


def change(name: str, text: str) -> bytes:
    return msgspec.json.encode({"name": name, "text": text, "by": "test", "at": "2026-03-14T00:00:00Z"})


HOSTILE_RULES = {
    "deep array": change("a", "a=" + "[" * 20_000),
    "deep inline tables": change("a", "a=" + "{b=" * 5_000),
    "deep quoted key": change("a", " . ".join(['"a"', "'b'"] * 5_000) + "=1"),
    "deep table name": change("a", "[" + ".".join("a" * 30_000) + "]"),
    "deep dotted key": change("a", ".".join("a" * 30_000) + "=1"),
    "deep pattern": change("a", 'reads=["x"]\n[pattern]\na = ' + "{b=" * 200 + "[1]" + "}" * 200),
    "long": change("a", "#" * 1_000_000),
    "deep JSON": b'{"name":' + b"[" * 50_000,
    "not UTF-8": b"\xff\xfe",
    "wrong types": b'{"name": 1, "text": [], "by": {}, "at": null}',
    "huge number": change("a", 'reads=["x"]\nrate = ' + "9" * 5_000),
    "lone surrogate": b'{"name": "a", "text": "\\ud800", "by": "", "at": ""}',
}


@pytest.mark.parametrize("name", sorted(HOSTILE_RULES))
def test_hostile_rules_are_rejected_within_bounded_time(name: str) -> None:
    table = RuleTable(lambda _: None, ())
    started = time.process_time()

    with pytest.raises(RejectedRuleError):
        table.take(HOSTILE_RULES[name])

    assert time.process_time() - started < 3.0
