"""Write values as `$string` does: as JSON of JavaScript."""

from __future__ import annotations

import json
import math
from decimal import Decimal
from typing import Any

from headrace.streams.machines.expressions.jsonata.errors import coded_error

MAX_DEPTH = 200
EXPONENT_FROM = 1e21
"""JavaScript writes numbers from here on with an exponent, and numbers below 0.000001."""


def number_text(value: float) -> str:
    """Return the text of a number: whole ones in full, others with at most 15 digits.

    Raises:
        EvaluationError: The number is infinite or not a number.
    """
    if isinstance(value, int) and abs(value) < EXPONENT_FROM:
        return str(value)
    if not math.isfinite(value):
        raise coded_error("D3001", "Attempting to invoke string function on Infinity or NaN")
    if value == 0:
        return "0"
    whole = float(value).is_integer() and abs(value) < EXPONENT_FROM
    decimal = Decimal(repr(float(value))) if whole else Decimal(f"{value:.15g}")
    if 1e-6 <= abs(value) < EXPONENT_FROM:
        text = f"{decimal:f}"
        return text.rstrip("0").rstrip(".") if "." in text else text
    mantissa, exponent = f"{decimal.normalize():E}".split("E")
    return f"{mantissa}e{exponent}"


def json_text(value: Any, null: Any, indent: str = "", *, pretty: bool = False, depth: int = 0) -> str:
    """Return the JSON of a value of the library; a function is an empty string.

    Raises:
        EvaluationError: The value is nested too deep, or a number is infinite.
    """
    if depth > MAX_DEPTH:
        raise coded_error("D3137", f"The value is nested more than {MAX_DEPTH} levels deep")
    if value is None or value is null:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return number_text(value)
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    inner = indent + "  "
    if isinstance(value, list):
        parts = [json_text(each, null, inner, pretty=pretty, depth=depth + 1) for each in value]
        return _joined("[", parts, "]", indent, pretty=pretty)
    if isinstance(value, dict):
        colon = ": " if pretty else ":"
        parts = [
            json.dumps(str(name), ensure_ascii=False)
            + colon
            + json_text(each, null, inner, pretty=pretty, depth=depth + 1)
            for name, each in value.items()
        ]
        return _joined("{", parts, "}", indent, pretty=pretty)
    return '""'


def _joined(opening: str, parts: list[str], closing: str, indent: str, *, pretty: bool) -> str:
    if not pretty or not parts:
        return opening + ",".join(parts) + closing
    separator = f",\n{indent}  "
    return f"{opening}\n{indent}  {separator.join(parts)}\n{indent}{closing}"
