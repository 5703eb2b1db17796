"""Compile Retry and Catch."""

from __future__ import annotations

from headrace.streams.machines.definition.fields import DefinitionFields
from headrace.streams.machines.definition.model import Catcher, Retrier

DEFAULT_INTERVAL = 1
DEFAULT_ATTEMPTS = 3
DEFAULT_BACKOFF = 2.0


def retriers_of(state: DefinitionFields) -> tuple[Retrier, ...]:
    """Return the retriers of a state in their order.

    Raises:
        DefinitionError: A retrier is invalid.
    """
    return tuple(
        Retrier(
            errors=retrier.texts("ErrorEquals"),
            interval=retrier.number("IntervalSeconds", DEFAULT_INTERVAL) or 0,
            max_attempts=int(retrier.number("MaxAttempts", DEFAULT_ATTEMPTS) or 0),
            backoff_rate=retrier.number("BackoffRate", DEFAULT_BACKOFF) or 0,
            max_delay=retrier.number("MaxDelaySeconds", None),
            full_jitter=retrier.optional_text("JitterStrategy") == "FULL",
        )
        for retrier in state.objects("Retry")
    )


def catchers_of(state: DefinitionFields) -> tuple[Catcher, ...]:
    """Return the catchers of a state in their order.

    Raises:
        DefinitionError: A catcher is invalid.
    """
    return tuple(
        Catcher(
            errors=catcher.texts("ErrorEquals"),
            next=catcher.text("Next"),
            result_path=catcher.result_path(),
            output=catcher.literal("Output"),
            assign=catcher.assignments(),
        )
        for catcher in state.objects("Catch")
    )
