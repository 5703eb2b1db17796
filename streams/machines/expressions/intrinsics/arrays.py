"""The intrinsic functions of arrays."""

from __future__ import annotations

from headrace.streams.machines.expressions.intrinsics.arguments import FailureError, array_of, truncated
from headrace.streams.machines.expressions.intrinsics.java_hash import in_hash_order
from headrace.streams.machines.expressions.intrinsics.java_text import java_text
from headrace.streams.machines.json_types import Json

MAX_RANGE = 1_000


def partition(values: Json, size: Json) -> Json:
    """Return an array of arrays of at most `size` elements."""
    elements, length = array_of(values), truncated(size)
    if length < 1:
        raise FailureError
    return [elements[start : start + length] for start in range(0, len(elements), length)]


def contains(values: Json, value: Json) -> Json:
    """Return whether an array has an element with the text of the value.

    Recorded on AWS: an array of `"true"` contains `true`, and an object with the same members in another order does
    not equal it.
    """
    wanted = java_text(value)
    return any(java_text(element) == wanted for element in array_of(values))


def number_range(first: Json, last: Json, step: Json) -> Json:
    """Return the integers from `first` to `last`, both included."""
    start, end, increment = truncated(first), truncated(last), truncated(step)
    if increment == 0:
        raise FailureError
    numbers = range(start, end + (1 if increment > 0 else -1), increment)
    if len(numbers) > MAX_RANGE:
        raise FailureError
    return list(numbers)


def item(values: Json, index: Json) -> Json:
    """Return the element at an index, which starts at 0; null for an empty array, as recorded on AWS."""
    elements, position = array_of(values), truncated(index)
    if position >= 0 and not elements:
        return None
    if not 0 <= position < len(elements):
        raise FailureError
    return elements[position]


def length(values: Json) -> Json:
    """Return the number of elements."""
    return len(array_of(values))


def unique(values: Json) -> Json:
    """Return the elements without repetitions, in the order of a Java set."""
    elements = array_of(values)
    return in_hash_order(distinct(elements), len(elements))


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
