"""How tasks of generated machines end: by the name of their state."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

ERRORS = ("A", "B")


def error_of(state: str) -> str | None:
    """Return the error of a state's tasks; None if they succeed."""
    number = sha256(state.encode()).digest()[0]
    return ERRORS[number % 2] if number % 4 == 0 else None


def result_of_state(state: str) -> Any:
    """Return the result of a state's tasks, and the items that it reads."""
    return [{"r": state}, 2]
