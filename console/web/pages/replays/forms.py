"""Parameters of plans in addresses and forms."""

from __future__ import annotations

from headrace.console.errors import CommandError
from headrace.console.web.request import ConsoleRequest, FormData
from headrace.schemas.parsing import InvalidValueError, parse_float, parse_int
from headrace.streams.stage import Stage


def integer(parameters: FormData, name: str, default: int | None, minimum: int = 0) -> int | None:
    """Parse a whole number. Raises `CommandError`."""
    text = parameters.get(name, "").strip()
    try:
        return parse_int(text, minimum) if text else default
    except InvalidValueError as error:
        raise CommandError(f"{name} is {error}") from None


def number(parameters: FormData, name: str, default: float, maximum: float) -> float:
    """Parse a number from 0 to a maximum. Raises `CommandError`."""
    text = parameters.get(name, "").strip()
    try:
        return parse_float(text, 0.0, maximum) if text else default
    except InvalidValueError as error:
        raise CommandError(f"{name} is {error}: a number from 0 to {maximum:g}") from None


def stage_named(request: ConsoleRequest, name: str) -> Stage:
    """Return a stage. Raises `CommandError` if there is none."""
    stages = request.services.stages()
    found = next((each for each in stages if each.name == name), None)
    if found is None:
        raise CommandError(f"there is no stage {name}: it is one of {', '.join(each.name for each in stages)}")
    return found
