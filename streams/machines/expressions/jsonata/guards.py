"""Checks of arguments for which a function of the library is too slow or too large, and its errors as AWS words them.

The library's functions raise Python's errors where JSONata has codes, and cannot be interrupted.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from headrace.streams.machines.expressions.jsonata.bounds import check_count
from headrace.streams.machines.expressions.jsonata.errors import (
    TIMEOUT,
    EvaluationError,
    bound_error,
    coded_error,
    not_a_number,
)
from headrace.streams.machines.json_text import compact

MAX_APPLICATIONS = 200_000
"""Maximum number of elements to which a built-in function is applied: the library does not check the time between."""

MAX_PICTURE = 200
MAX_TIMESTAMP = 100
MAX_OPEN_COMPONENTS = 4


class Guard(NamedTuple):
    """`check` raises before a call that exceeds a bound; `failed` raises, or returns, what a Python error means.

    `instead` returns the result in place of the library, or `NotImplemented`.
    """

    check: Callable[..., None]
    failed: Callable[..., Any]
    instead: Callable[..., Any] | None = None


def _nothing(*_arguments: Any) -> None:
    """Accept all arguments."""


def _internal(*_arguments: Any) -> Any:
    raise EvaluationError(": The arguments cannot be processed")


def _check_pad(_text: Any = None, width: Any = None, *_rest: Any) -> None:
    if isinstance(width, int | float):
        check_count(abs(width))


def _check_join(texts: Any = None, separator: Any = None, *_rest: Any) -> None:
    if isinstance(texts, list):
        size = sum(len(text) for text in texts if isinstance(text, str))
        check_count(size + len(texts) * (len(separator) if isinstance(separator, str) else 0))


def _contained(_text: Any = None, token: Any = None, *_rest: Any) -> Any:
    """Return undefined for an undefined token, for which the library fails."""
    return None if token is None else NotImplemented


def _number(value: Any = None, *_rest: Any) -> Any:
    """Refuse texts beyond the range of numbers."""
    try:
        infinite = isinstance(value, str) and math.isinf(float(value))
    except ValueError:
        return NotImplemented
    return _not_castable(value) if infinite else NotImplemented


_ISO = re.compile(r"\d{4}(-[01]\d)*(-[0-3]\d)*(T[0-2]\d:[0-5]\d:[0-5]\d)*(\.\d+)?([+-][0-2]\d:?[0-5]\d|Z)?", re.ASCII)


def _check_applications(values: Any = None, function: Any = None, *_rest: Any) -> None:
    lambda_expression = getattr(function, "_jsonata_lambda", False)
    if not lambda_expression and isinstance(values, list | dict) and len(values) > MAX_APPLICATIONS:
        raise bound_error(TIMEOUT)


_COMPONENT = re.compile(r"\[[^\]]*\]")
_FIXED = re.compile(r"\[[A-Za-z][^\]]*\d")


def _check_to_millis(text: Any = None, picture: Any = None, *_rest: Any) -> None:
    """Refuse pictures with many adjacent components of any width, which a pattern would match in exponential time."""
    if isinstance(text, str) and picture is None and not _ISO.fullmatch(text[:MAX_TIMESTAMP]):
        _not_a_timestamp(text)
    if not isinstance(text, str) or not isinstance(picture, str):
        return
    if len(text) > MAX_TIMESTAMP or len(picture) > MAX_PICTURE:
        _not_a_timestamp(text)
    adjacent, end = 0, -1
    for component in _COMPONENT.finditer(picture):
        adjacent = adjacent + 1 if component.start() == end and not _FIXED.match(component[0]) else 0
        end = component.end()
        if adjacent > MAX_OPEN_COMPONENTS:
            _not_a_timestamp(text)


def _check_picture(_value: Any = None, picture: Any = None, *_rest: Any) -> None:
    if isinstance(picture, str) and len(picture) > MAX_PICTURE:
        raise EvaluationError(f": A picture has more than {MAX_PICTURE} characters")


def _not_a_timestamp(text: Any = None, *_rest: Any) -> Any:
    message = f"The argument of the toMillis function must be an ISO 8601 formatted timestamp. Given {compact(text)}"
    raise coded_error("D3110", message)


def _not_castable(value: Any = None, *_rest: Any) -> Any:
    raise not_a_number(value)


def _too_powerful(base: Any = None, exponent: Any = None, *_rest: Any) -> Any:
    message = "The power function has resulted in a value that cannot be represented as a JSON number"
    raise coded_error("D3061", f"{message}: base={compact(base)}, exponent={compact(exponent)}")


def _malformed_url(function: str) -> Callable[..., Any]:
    def failed(text: Any = None, *_rest: Any) -> Any:
        raise coded_error("D3140", f"Malformed URL passed to ${function}(): {compact(text)}")

    return failed


def _not_an_integer(*_arguments: Any) -> Any:
    return math.nan


GUARDS: Mapping[str, Guard] = {
    "pad": Guard(_check_pad, _internal),
    "join": Guard(_check_join, _internal),
    "number": Guard(_nothing, _not_castable, _number),
    "contains": Guard(_nothing, _internal, _contained),
    "parseInteger": Guard(_check_picture, _not_an_integer),
    "formatInteger": Guard(_check_picture, _internal),
    "formatNumber": Guard(_check_picture, _internal),
    "toMillis": Guard(_check_to_millis, _not_a_timestamp),
    "fromMillis": Guard(_check_picture, _internal),
    "power": Guard(_nothing, _too_powerful),
    **{name: Guard(_check_applications, _internal) for name in ("map", "filter", "single", "reduce", "sift", "each")},
    **{
        name: Guard(_nothing, _malformed_url(name))
        for name in ("encodeUrl", "encodeUrlComponent", "decodeUrl", "decodeUrlComponent")
    },
}
"""The guarded functions of the library, by name."""
