"""What the command line says of patterns and events."""

from __future__ import annotations

import orjson

from headrace.streams.rules import InvalidPattern, Miss, Pattern

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
    except InvalidPattern as error:
        return _error(str(error))


def in_words(miss: Miss) -> str:
    """Say why an event did not match."""
    asked = orjson.dumps(miss.asked).decode()
    if miss.apart:
        return f"{miss.path}: each clause matches, but only in different elements of one list"
    saw = ", ".join(orjson.dumps(value).decode() for value in miss.saw) or "nothing there"
    return f"{miss.path}: asked for {asked}, saw {saw} ({miss.met} of {miss.clauses} clauses match)"


def _error(why: str) -> str:
    return orjson.dumps({"error": why}).decode()
