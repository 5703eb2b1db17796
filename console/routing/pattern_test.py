"""Test events against patterns and describe mismatches."""

from __future__ import annotations

from typing import Any

import orjson

from headrace.streams.rules import InvalidPatternError, Mismatch, Pattern

LINE_FORMAT = 'expected {"pattern": ..., "event": ...}'


def verdict(line: bytes) -> dict[str, Any]:
    """Return the result of one batch line; an invalid line yields `{"error": ...}`.

    The pattern is an object, or a string of JSON as in EventBridge's API.
    """
    try:
        case = orjson.loads(line)
        pattern, event = case["pattern"], case["event"]
        if isinstance(pattern, str):
            pattern = orjson.loads(pattern)
    except (orjson.JSONDecodeError, KeyError, TypeError) as error:
        return _error(str(error) if isinstance(error, orjson.JSONDecodeError) else LINE_FORMAT)
    if not isinstance(event, dict):
        return _error("the event must be a JSON object")
    try:
        return {"match": Pattern(pattern).matches(event)}
    except InvalidPatternError as error:
        return _error(str(error))


def describe_verdict(miss: Mismatch) -> str:
    """Explain why an event did not match."""
    expected = orjson.dumps(miss.expected).decode()
    if miss.different_elements:
        return f"{miss.path}: each clause matches, but in different elements of the array"
    actual = ", ".join(orjson.dumps(value).decode() for value in miss.actual) or "no value"
    return f"{miss.path}: expected {expected}, got {actual} ({miss.matched_clauses} of {miss.clauses} clauses match)"


def _error(why: str) -> dict[str, Any]:
    return {"error": why}
