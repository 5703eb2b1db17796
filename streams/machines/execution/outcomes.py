"""A list of outcomes in chunks: setting one element copies a chunk instead of the list."""

from __future__ import annotations

from headrace.streams.machines.execution.record import ChildOutcome, Outcomes

CHUNK = 256


def unfinished(size: int) -> Outcomes:
    """Return `size` elements without an outcome."""
    return [[None] * min(CHUNK, size - start) for start in range(0, size, CHUNK)]


def with_outcome(outcomes: Outcomes, index: int, outcome: ChildOutcome | None) -> Outcomes:
    """Return the outcomes with one element replaced."""
    chunks = outcomes.copy()
    chunk = chunks[index // CHUNK].copy()
    chunk[index % CHUNK] = outcome
    chunks[index // CHUNK] = chunk
    return chunks


def outcome_of(outcomes: Outcomes, index: int) -> ChildOutcome | None:
    """Return the outcome of an element; None if it is not finished."""
    return outcomes[index // CHUNK][index % CHUNK]


def flat(outcomes: Outcomes) -> list[ChildOutcome | None]:
    """Return all elements."""
    return [outcome for chunk in outcomes for outcome in chunk]
