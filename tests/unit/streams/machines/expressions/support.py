"""Values for the tests of expressions."""

from __future__ import annotations

from datetime import UTC, datetime

from headrace.streams.machines.expressions.scope import Entropy, Scope
from headrace.streams.machines.json_types import Json

NOW = datetime(2026, 3, 14, 15, 9, 26, tzinfo=UTC)


def entropy(seed: int = 1) -> Entropy:
    """Return the time and random numbers of a transition."""
    return Entropy(NOW, seed)


def scope_of(value: Json, context: dict[str, Json] | None = None, **variables: Json) -> Scope:
    """Return a scope with an input, a context object and variables."""
    return Scope(value, context or {}, variables)
