"""Functions that replace those of the library, because JSONata answers differently.

A function may return `NotImplemented`, which leaves the call to the library. None is undefined.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from headrace.streams.machines.expressions.jsonata.bounds import check_count, check_text_size
from headrace.streams.machines.expressions.jsonata.errors import coded_error
from headrace.streams.machines.expressions.jsonata.regex import JsonataPattern, expanded
from headrace.streams.machines.expressions.jsonata.sorting import merge_sorted, sorted_values
from headrace.streams.machines.expressions.jsonata.text import json_text
from headrace.streams.machines.expressions.jsonata.vendor import is_function, library
from headrace.streams.machines.expressions.patterns import PatternMatch


def string(value: Any, prettify: Any) -> Any:
    """Return the text of a value; a function is an empty text."""
    if getattr(value, "outer_wrapper", False):
        value = value[0]
    if value is None or isinstance(value, str):
        return value
    if is_function(value):
        return ""
    check_text_size(value)
    return json_text(value, library().utils.Utils.NULL_VALUE, pretty=prettify is True)


def sort(values: Any, function: Any) -> Any:
    """Return the elements in the order of a function, or of their values."""
    if values is None or len(values) < 2:
        return values
    if function is None:
        return sorted_values(list(values))
    apply, truth = library().functions.Functions.func_apply, library().Jsonata.boolize
    return merge_sorted(values, lambda left, right: bool(truth(apply(function, [left, right]))))


def replace(text: Any, pattern: Any, replacement: Any, limit: Any) -> Any:
    """Return a text with the matches of a pattern replaced by a text, or by the results of a function."""
    if not isinstance(text, str) or (isinstance(limit, int | float) and limit < 0):
        return NotImplemented
    if isinstance(pattern, str):
        if pattern and isinstance(replacement, str):
            check_count(len(text) + len(replacement) * text.count(pattern))
        return NotImplemented
    if limit is not None and limit < 1:
        return text
    expand = partial(expanded, replacement) if isinstance(replacement, str) else partial(_applied, replacement)
    return pattern.sub(expand, text, math.ceil(limit or 0)) if isinstance(pattern, JsonataPattern) else NotImplemented


def _applied(function: Any, match: PatternMatch) -> str:
    """Return the result of a replacement function for a match."""
    argument = {"match": match.group(), "index": match.start(), "groups": list(match.groups())}
    result = library().functions.Functions.func_apply(function, [argument])
    if not isinstance(result, str):
        raise coded_error("D3012", "Attempted to replace a matched string with a non-string value")
    return result


REPLACEMENTS: Mapping[str, Callable[..., Any]] = {"string": string, "sort": sort, "replace": replace}
"""The replacements by the names of the functions."""
