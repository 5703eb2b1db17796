"""Bounds of an evaluation: time, depth, and the size of a value.

AWS accepts a depth of 100 and refuses 101, and refuses values above 6,990,256 bytes, where a number counts as 8 bytes
and a character as one. Measured on AWS: floci-io/floci issues 2737 and 2783.
"""

from __future__ import annotations

from itertools import islice
from typing import Any

from headrace.streams.machines.expressions.deadline import Deadline
from headrace.streams.machines.expressions.jsonata.errors import MEMORY, STACK, TIMEOUT, bound_error

MAX_SECONDS = 0.8
MAX_DEPTH = 100
MAX_BYTES = 873_782 * 8
SCALAR_BYTES = 8
MAX_SCANNED = 5_000


class Bounds:
    """Counts the steps of one evaluation; the library calls `enter` and `leave` around each step."""

    __slots__ = ("_deadline", "depth")

    def __init__(self) -> None:
        self.depth = 0
        self._deadline = Deadline(MAX_SECONDS)

    def enter(self, _expression: object, _input: object, _environment: object) -> None:
        """Count a step.

        Raises:
            EvaluationError: The step is nested too deep, or the time is over.
        """
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise bound_error(STACK)
        if self._deadline.passed():
            raise bound_error(TIMEOUT)

    def leave(self, _expression: object, _input: object, _environment: object, result: Any) -> None:
        """Check the result of a step.

        Raises:
            EvaluationError: The result is too large.
        """
        self.depth -= 1
        if isinstance(result, str | list | dict):
            check_size(result)


def check_size(value: str | list[Any] | dict[str, Any]) -> None:
    """Check that a value is within `MAX_BYTES`, at its first level.

    Raises:
        EvaluationError: The value is larger.
    """
    if isinstance(value, str):
        size = len(value)
    elif isinstance(value, list):
        size = count_of(value) * SCALAR_BYTES
        if size <= MAX_BYTES:
            size += sum(len(element) for element in islice(value, MAX_SCANNED) if isinstance(element, str))
    else:
        return
    check_count(size)


def count_of(values: list[Any]) -> int:
    """Return the number of elements. The library's list of a range says one too many."""
    size = getattr(values, "size", None)
    return size - 1 if isinstance(size, int) else len(values)


def check_count(count: float) -> None:
    """Check the number of characters, or 8 times the number of elements, that a function is about to create.

    Raises:
        EvaluationError: They are too many.
    """
    if count > MAX_BYTES:
        raise bound_error(MEMORY)


def check_text_size(value: Any) -> None:
    """Check the size of a value that is about to be written as text, at every level.

    Raises:
        EvaluationError: The value is too large.
    """
    size, stack = 0, [value]
    while stack:
        inner = stack.pop()
        if isinstance(inner, dict):
            stack.extend(inner)
            stack.extend(inner.values())
        elif isinstance(inner, list):
            check_count(count_of(inner) * SCALAR_BYTES)
            stack.extend(inner)
        size += len(inner) if isinstance(inner, str) else SCALAR_BYTES
        check_count(size)
