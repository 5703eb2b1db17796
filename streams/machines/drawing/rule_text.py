"""The text of a rule of a Choice state: `$.value >= 20 and $.value < 30`."""

from __future__ import annotations

import json
from typing import Any

MAX_DEPTH = 10

_SIGNS = {
    "LessThanEquals": "<=",
    "GreaterThanEquals": ">=",
    "LessThan": "<",
    "GreaterThan": ">",
    "Equals": "=",
}
_TESTS = {
    "IsNull": "null",
    "IsPresent": "present",
    "IsNumeric": "a number",
    "IsString": "a string",
    "IsBoolean": "a boolean",
    "IsTimestamp": "a timestamp",
}


def rule_text(rule: dict[str, Any], depth: int = 0) -> str:
    """Return a rule as text; `...` for what is nested deeply."""
    if depth > MAX_DEPTH:
        return "..."
    if "Condition" in rule:
        return str(rule["Condition"]).removeprefix("{%").removesuffix("%}").strip()
    for name, word in (("And", " and "), ("Or", " or ")):
        if isinstance(rule.get(name), list):
            parts = [rule_text(each, depth + 1) for each in rule[name] if isinstance(each, dict)]
            text = word.join(parts)
            return f"({text})" if depth and len(parts) > 1 else text
    if isinstance(rule.get("Not"), dict):
        return f"not ({rule_text(rule['Not'], depth + 1)})"
    return _comparison(rule)


def _comparison(rule: dict[str, Any]) -> str:
    variable = rule.get("Variable", "")
    for name, operand in rule.items():
        if name in _TESTS:
            return f"{variable} is {'' if operand else 'not '}{_TESTS[name]}"
        if name == "StringMatches":
            return f"{variable} matches {_literal(operand)}"
        plain = name.removesuffix("Path")
        for suffix, sign in _SIGNS.items():
            if plain.endswith(suffix) and plain != suffix:
                return f"{variable} {sign} {operand if name != plain else _literal(operand)}"
    return str(variable)


def _literal(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
