"""Checks of a definition that no type makes: expressions that compile, and targets that exist."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from headrace.streams.machines.errors import DefinitionError
from headrace.streams.machines.expressions.jsonata.expression import compile_jsonata
from headrace.streams.machines.expressions.jsonata.render import MAX_DEPTH, expression_of, is_expression
from headrace.streams.machines.json_types import Json


def require_expressions(value: Json) -> None:
    """Check that the expressions of a JSONata value compile.

    Raises:
        DefinitionError: An expression is invalid, or the value is nested too deep.
    """
    pending = [(value, 0)]
    while pending:
        each, depth = pending.pop()
        if depth > MAX_DEPTH:
            raise DefinitionError(f"nested more than {MAX_DEPTH} levels deep")
        if is_expression(each):
            compile_jsonata(expression_of(each))
        elif isinstance(each, dict | list):
            nested = each.values() if isinstance(each, dict) else each
            pending.extend((inner, depth + 1) for inner in nested)


def require_targets(names: Iterable[str | None], states: Mapping[str, object], location: str) -> None:
    """Check that transitions lead to states of the same flow.

    Raises:
        DefinitionError: There is no state with the name.
    """
    for name in names:
        if name is not None and name not in states:
            raise DefinitionError(f"{location}: there is no state '{name}'")
