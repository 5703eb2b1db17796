"""Filters of queries: `[?(@.price > 3 && @.name =~ /a.*/i)]`, evaluated by python-jsonpath.

The other segments of a query are evaluated here, because python-jsonpath follows RFC 9535, where a filter selects the
members of an object. AWS tests the object itself, as Jayway JsonPath does.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import Any

from jsonpath import JSONPathEnvironment
from jsonpath.exceptions import JSONPathError
from jsonpath.filter import BaseExpression, RegexLiteral, walk
from jsonpath.selectors import Filter, FilterContext

from headrace.streams.machines.errors import DefinitionError
from headrace.streams.machines.expressions.patterns import LinearPattern
from headrace.streams.machines.json_types import Json

FilterPredicate = Callable[[Json, Json], bool]
"""Returns whether a value matches; the second argument is the root of the query."""

MAX_FILTER = 2_000
MAX_NESTING = 30

_NOT_IN = re.compile(r"(@[\w.\[\]'\"$-]*|'[^']*'|\"[^\"]*\"|[\w.+-]+)\s+nin\s+(\[[^\]]*\]|[@$][\w.\[\]'\"-]*)")


class _Environment(JSONPathEnvironment):
    """The filter language without the functions of RFC 9535, whose patterns a backtracking engine would match."""

    def setup_function_extensions(self) -> None:
        self.function_extensions = {}


@cache
def _environment() -> JSONPathEnvironment:
    return _Environment()


def compile_filter(text: str) -> FilterPredicate:
    """Return the predicate of a filter's text, which starts with a question mark.

    Raises:
        DefinitionError: The filter is invalid.
    """
    if len(text) > MAX_FILTER or text.count("(") + text.count("[") + text.count("!") > MAX_NESTING:
        raise DefinitionError(f"The filter '{text[:200]}' is too large.")
    environment, translated = _environment(), _NOT_IN.sub(r"!(\1 in \2)", text)
    try:
        expression = _only_filter(environment.compile(f"$[{translated}]"))
    except (JSONPathError, re.error, RecursionError, OverflowError, ValueError) as error:
        raise DefinitionError(f"The filter '{text}' is invalid: {str(error).splitlines()[0]}") from error

    def predicate(value: Json, root: Json) -> bool:
        return expression.evaluate(FilterContext(env=environment, current=value, root=root)) is True

    return predicate


def _only_filter(path: Any) -> BaseExpression:
    """Return the expression of a path that is one filter; its patterns are compiled with RE2."""
    (segment,) = path.segments
    (selector,) = segment.selectors
    if not isinstance(selector, Filter):
        raise ValueError("it is not a filter")
    for node in walk(selector.expression):
        if isinstance(node, RegexLiteral):
            flags = node.value.flags
            node.value = LinearPattern(  # type: ignore[assignment]
                node.value.pattern, ignore_case=bool(flags & re.IGNORECASE), multiline=bool(flags & re.MULTILINE)
            )
    return selector.expression
