"""Checks of arguments for which a function of the library is too slow or too large, and its errors as AWS words them.

The library's functions raise Python's errors where JSONata has codes, and cannot be interrupted.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

from headrace.streams.machines.expressions.jsonata.bounds import check_count, check_text_size
from headrace.streams.machines.expressions.jsonata.errors import (
    TIMEOUT,
    EvaluationError,
    bound_error,
    coded_error,
    not_a_number,
)
from headrace.streams.machines.expressions.jsonata.regex import JsonataPattern, expanded
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


def _check_replace(text: Any = None, pattern: Any = None, replacement: Any = None, *_rest: Any) -> None:
    if isinstance(text, str) and isinstance(replacement, str) and isinstance(pattern, str) and pattern:
        check_count(len(text) + len(replacement) * text.count(pattern))


def _replaced(text: Any = None, pattern: Any = None, replacement: Any = None, limit: Any = None) -> Any:
    """Replace the matches of a regular expression by a text, in which the library finds other references."""
    valid_limit = limit is None or (isinstance(limit, int | float) and limit > 0)
    if not isinstance(text, str) or not isinstance(replacement, str) or not isinstance(pattern, JsonataPattern):
        return NotImplemented
    if not valid_limit:
        return NotImplemented if limit < 0 else text
    return pattern.sub(partial(expanded, replacement), text, math.ceil(limit or 0))


def _check_string(value: Any = None, *_rest: Any) -> None:
    if not isinstance(value, str | int | float | None):
        check_text_size(value)


def _check_applications(values: Any = None, function: Any = None, *_rest: Any) -> None:
    lambda_expression = getattr(function, "_jsonata_lambda", False)
    if not lambda_expression and isinstance(values, list | dict) and len(values) > MAX_APPLICATIONS:
        raise bound_error(TIMEOUT)


_COMPONENT = re.compile(r"\[[^\]]*\]")
_FIXED = re.compile(r"\[[A-Za-z][^\]]*\d")


def _check_to_millis(text: Any = None, picture: Any = None, *_rest: Any) -> None:
    """Refuse pictures with many adjacent components of any width, which a pattern would match in exponential time."""
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


def _not_sortable(*_arguments: Any) -> Any:
    message = (
        "The single argument form of the sort function can only be applied to an array of strings or an array of "
        "numbers.  Use the second argument to specify a comparison function"
    )
    raise coded_error("D3070", message)


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
    "replace": Guard(_check_replace, _internal, _replaced),
    "string": Guard(_check_string, _internal),
    "number": Guard(_nothing, _not_castable),
    "parseInteger": Guard(_check_picture, _not_an_integer),
    "formatInteger": Guard(_check_picture, _internal),
    "formatNumber": Guard(_check_picture, _internal),
    "toMillis": Guard(_check_to_millis, _not_a_timestamp),
    "fromMillis": Guard(_check_picture, _internal),
    "power": Guard(_nothing, _too_powerful),
    "sort": Guard(_nothing, _not_sortable),
    **{name: Guard(_check_applications, _internal) for name in ("map", "filter", "single", "reduce", "sift", "each")},
    **{
        name: Guard(_nothing, _malformed_url(name))
        for name in ("encodeUrl", "encodeUrlComponent", "decodeUrl", "decodeUrlComponent")
    },
}
"""The guarded functions of the library, by name."""
