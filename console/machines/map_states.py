"""Find states in definitions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from headrace.streams.machines.validation import validate


def map_state(definition: str, name: str) -> Mapping[str, Any]:
    """Return a state of a definition by its name; nothing if it has none."""
    document = validate(definition).definition or {}
    return next((state for own, state in states_of(document) if own == name), {})


def states_of(definition: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield all states of a valid definition, also those inside Parallel and Map states."""
    pending: list[Mapping[str, Any]] = [definition]
    while pending:
        for name, state in pending.pop().get("States", {}).items():
            yield name, state
            inner = (*state.get("Branches", ()), state.get("ItemProcessor"), state.get("Iterator"))
            pending += [each for each in inner if each]
