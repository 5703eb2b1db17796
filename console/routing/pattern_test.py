"""What the command line says of patterns and events."""

from __future__ import annotations

import orjson

from headrace.streams.rules import InvalidPatternError, Mismatch, Pattern

NOT_A_LINE = 'a line is {"pattern": ..., "event": ...}'


def verdict(line: bytes) -> str:
    """Answer one line of a batch with one line; whatever is wrong with it is its answer.

    A pattern may be an object, or a text that holds one as EventBridge's own API wants it.
    """
    try:
        asked = orjson.loads(line)
        pattern, event = asked["pattern"], asked["event"]
        if isinstance(pattern, str):
            pattern = orjson.loads(pattern)
    except (orjson.JSONDecodeError, KeyError, TypeError) as error:
        return _error(str(error) if isinstance(error, orjson.JSONDecodeError) else NOT_A_LINE)
    if not isinstance(event, dict):
        return _error("an event is a JSON object")
    try:
        return orjson.dumps({"match": Pattern(pattern).matches(event)}).decode()
    except InvalidPatternError as error:
        return _error(str(error))


def describe_verdict(miss: Mismatch) -> str:
    """Say why an event did not match."""
    asked = orjson.dumps(miss.expected).decode()
    if miss.different_elements:
        return f"{miss.path}: each clause matches, but only in different elements of one list"
    saw = ", ".join(orjson.dumps(value).decode() for value in miss.actual) or "nothing there"
    return f"{miss.path}: asked for {asked}, saw {saw} ({miss.matched_clauses} of {miss.clauses} clauses match)"


def _error(why: str) -> str:
    return orjson.dumps({"error": why}).decode()
