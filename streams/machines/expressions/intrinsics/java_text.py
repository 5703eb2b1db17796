"""Write values as `States.Format` does: as Java's `toString` writes them.

Recorded: `{"Arg1": 1, "Arg2": []}` becomes `{Arg1=1, Arg2=[]}`.
"""

from __future__ import annotations

import math
from decimal import Decimal

from headrace.streams.machines.expressions.intrinsics.arguments import FailureError
from headrace.streams.machines.json_types import Json

MAX_DEPTH = 200


def java_text(value: Json, depth: int = 0) -> str:
    """Return the text of a value; a string inside an object or array has no quotes.

    Raises:
        FailureError: The value is nested too deep.
    """
    if depth > MAX_DEPTH:
        raise FailureError
    if isinstance(value, str):
        return value
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return java_double(value)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name}={java_text(each, depth + 1)}" for name, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(java_text(each, depth + 1) for each in value) + "]"
    return str(Decimal(value))  # `str` refuses integers of more than 4,300 digits


def java_double(value: float) -> str:
    """Return the shortest text of a number: `1.5`, `1.0E10` from 10,000,000 on, `1.0E-4` below 0.001."""
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if value == 0 or 1e-3 <= abs(value) < 1e7:
        return repr(value)
    sign, digits, exponent = Decimal(repr(value)).as_tuple()
    text = "".join(map(str, digits)).rstrip("0")
    power = len(digits) + int(exponent) - 1
    return f"{'-' if sign else ''}{text[0]}.{text[1:] or '0'}E{power}"
