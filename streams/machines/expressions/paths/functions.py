"""Functions at the end of a path: `$.prices.max()`, `$.items.length()`.

Source: Jayway JsonPath's documentation, "Functions".
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from headrace.streams.machines.expressions.scope import MISSING, Missing
from headrace.streams.machines.json_types import Json


def _numbers(value: Json) -> list[int | float]:
    elements = value if isinstance(value, list) else []
    return [each for each in elements if isinstance(each, int | float) and not isinstance(each, bool)]


def _aggregate(function: Callable[[list[float]], float]) -> Callable[[Json], Json | Missing]:
    """Return a function of an array's numbers. It has no result without numbers, or beyond the range of a double."""

    def aggregated(value: Json) -> Json | Missing:
        try:
            numbers = [float(number) for number in _numbers(value)]
            result = function(numbers) if numbers else math.nan
        except OverflowError:
            return MISSING
        return result if math.isfinite(result) else MISSING

    return aggregated


def _mean(numbers: list[float]) -> float:
    return sum(numbers) / len(numbers)


def _deviation(numbers: list[float]) -> float:
    mean = _mean(numbers)
    return math.sqrt(_mean([(number - mean) ** 2 for number in numbers]))


def _length(value: Json) -> Json | Missing:
    return len(value) if isinstance(value, list | dict) else MISSING


def _keys(value: Json) -> Json | Missing:
    return list(value) if isinstance(value, dict) else MISSING


def _element(index: int) -> Callable[[Json], Json | Missing]:
    return lambda value: value[index] if isinstance(value, list) and value else MISSING


FUNCTIONS: Mapping[str, Callable[[Json], Json | Missing]] = {
    "min": _aggregate(min),
    "max": _aggregate(max),
    "avg": _aggregate(_mean),
    "stddev": _aggregate(_deviation),
    "sum": _aggregate(sum),
    "length": _length,
    "size": _length,
    "keys": _keys,
    "first": _element(0),
    "last": _element(-1),
}
