"""JSON arguments of commands."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from headrace.streams.rules import Pattern


def _json(given: str, what: str) -> Any:
    """Read JSON that was given as it is or as a file."""
    import orjson

    from headrace.console.errors import CommandError

    text = given if given.lstrip()[:1] in ("{", "[", '"') else Path(given).read_text("utf-8")
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise CommandError(f"the {what} is no JSON: {error}") from error


def read_pattern(given: str) -> Pattern:
    """Read a pattern that was given as JSON or as a file of it."""
    from headrace.console.errors import CommandError
    from headrace.streams.rules import InvalidPatternError, Pattern

    try:
        return Pattern(_json(given, "pattern"))
    except InvalidPatternError as error:
        raise CommandError(f"the pattern is not valid: {error}") from error


def read_event(given: str) -> dict[str, Any]:
    """Read an event that was given as JSON or as a file of it."""
    from headrace.console.errors import CommandError

    event = _json(given, "event")
    if not isinstance(event, dict):
        raise CommandError("an event is a JSON object")
    return event
