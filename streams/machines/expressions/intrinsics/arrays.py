"""The intrinsic functions of arrays."""

from __future__ import annotations

from headrace.streams.machines.expressions.intrinsics.arguments import (
    FailureError,
    array_of,
    integer_of,
    rounded,
)
from headrace.streams.machines.json_types import Json

MAX_RANGE = 1_000


def partition(values: Json, size: Json) -> Json:
    """Return an array of arrays of at most `size` elements."""
    elements, length = array_of(values), rounded(size)
    if length < 1:
        raise FailureError(f"the chunk size must be at least 1, not {length}")
    return [elements[start : start + length] for start in range(0, len(elements), length)]


def contains(values: Json, value: Json) -> Json:
    """Return whether an array has an element that equals the value."""
    wanted = identity(value)
    return any(identity(element) == wanted for element in array_of(values))


def number_range(first: Json, last: Json, step: Json) -> Json:
    """Return the integers from `first` to `last`, both included."""
    start, end, increment = rounded(first), rounded(last), rounded(step)
    if increment == 0:
        raise FailureError("the step must not be 0")
    numbers = range(start, end + (1 if increment > 0 else -1), increment)
    if len(numbers) > MAX_RANGE:
        raise FailureError(f"the array would have more than {MAX_RANGE} elements")
    return list(numbers)


def item(values: Json, index: Json) -> Json:
    """Return the element at an index, which starts at 0."""
    elements, position = array_of(values), integer_of(index)
    if not 0 <= position < len(elements):
        raise FailureError(f"the index {position} is outside an array of {len(elements)} elements")
    return elements[position]


def length(values: Json) -> Json:
    """Return the number of elements."""
    return len(array_of(values))


def unique(values: Json) -> Json:
    """Return the elements without repetitions, in their first order."""
    return distinct(array_of(values))


def distinct(values: list[Json]) -> list[Json]:
    """Return the elements without repetitions, in their first order."""
    elements: dict[object, Json] = {}
    for element in values:
        elements.setdefault(identity(element), element)
    return list(elements.values())


def identity(value: Json) -> object:
    """Return a hashable key that is equal for equal JSON values: 1 and 1.0 are equal, 1 and true are not."""
    if isinstance(value, bool):
        return ("boolean", value)
    if isinstance(value, list):
        return ("array", tuple(map(identity, value)))
    if isinstance(value, dict):
        return ("object", frozenset((name, identity(each)) for name, each in value.items()))
    return value
