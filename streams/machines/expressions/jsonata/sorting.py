"""Sort as JSONata does: a stable merge sort, whose function returns whether two elements are in the wrong order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from headrace.streams.machines.expressions.jsonata.errors import coded_error


def sorted_values(values: list[Any]) -> list[Any]:
    """Return numbers, or strings, in order.

    Raises:
        EvaluationError: The values are neither all numbers nor all strings.
    """
    for kinds in ({int, float}, {str}):
        if {value.__class__ for value in values} <= kinds:
            return sorted(values)
    message = (
        "The single argument form of the sort function can only be applied to an array of strings or an array of "
        "numbers.  Use the second argument to specify a comparison function"
    )
    raise coded_error("D3070", message)


def merge_sorted(values: Sequence[Any], after: Callable[[Any, Any], bool]) -> list[Any]:
    """Return the elements in order; `after` returns whether its first argument belongs after its second."""
    runs = [[value] for value in values]
    while len(runs) > 1:
        pairs = zip(runs[::2], runs[1::2], strict=False)
        last = runs[-1:] if len(runs) % 2 else []
        runs = [_merged(left, right, after) for left, right in pairs] + last
    return runs[0] if runs else []


def _merged(left: list[Any], right: list[Any], after: Callable[[Any, Any], bool]) -> list[Any]:
    result, i, j = [], 0, 0
    while i < len(left) and j < len(right):
        if after(left[i], right[j]):
            result.append(right[j])
            j += 1
        else:
            result.append(left[i])
            i += 1
    return result + left[i:] + right[j:]
