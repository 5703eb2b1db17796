"""JSON arguments of commands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from headrace.console.terminal.user_files import read_document

if TYPE_CHECKING:
    from headrace.streams.rules import Pattern


def _json(argument: str, name: str) -> Any:
    """Parse JSON from an argument, or from the file that it names."""
    import orjson

    from headrace.console.errors import CommandError

    text = argument if argument.lstrip()[:1] in ("{", "[", '"') else read_document(argument)
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise CommandError(f"the {name} is no JSON: {error}") from error


def read_pattern(argument: str) -> Pattern:
    """Parse an event pattern from JSON or a file."""
    from headrace.console.errors import CommandError
    from headrace.streams.rules import InvalidPatternError, Pattern

    try:
        return Pattern(_json(argument, "pattern"))
    except InvalidPatternError as error:
        raise CommandError(f"the pattern is not valid: {error}") from error


def read_event(argument: str) -> dict[str, Any]:
    """Parse an event from JSON or a file."""
    from headrace.console.errors import CommandError

    event = _json(argument, "event")
    if not isinstance(event, dict):
        raise CommandError("an event is a JSON object")
    return event
