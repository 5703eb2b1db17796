"""Render JSONata fields: values in which each text that is wholly `{% .. %}` is an expression."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from headrace.streams.machines.errors import DefinitionError
from headrace.streams.machines.expressions.jsonata.expression import Expression, compile_jsonata, type_of
from headrace.streams.machines.expressions.scope import Entropy
from headrace.streams.machines.json_types import Json

OPEN, CLOSE = "{%", "%}"
MAX_DEPTH = 200

EvaluateField = Callable[[Expression, str], Json]


def is_expression(value: Json) -> bool:
    """Return whether a value is a text that is wholly an expression."""
    return isinstance(value, str) and len(value) >= 4 and value.startswith(OPEN) and value.endswith(CLOSE)


def expression_of(value: str) -> str:
    """Return the text of an expression without its delimiters."""
    return value[len(OPEN) : -len(CLOSE)].strip()


def render_jsonata(
    value: Json,
    states: Mapping[str, Json],
    variables: Mapping[str, Json],
    entropy: Entropy,
    location: str = "Output",
    expected: tuple[str, ...] = (),
) -> Json:
    """Return a field with its expressions evaluated.

    `location` is the field's path in the state (`Output`, `Choices[1]/Condition`), which the causes name, extended by
    `/name` and `[index]`. `expected` is the JSON types that the result of an expression can have, such as `array`;
    the first one is named in the cause.

    Raises:
        StatesError: An evaluation fails, has no result, or a result of another type.
        DefinitionError: The text of an expression is invalid, or the value is nested too deep.
    """

    def evaluate(expression: Expression, at: str) -> Json:
        result = expression.evaluate(states, variables, entropy, at)
        if expected and type_of(result) not in expected:
            raise expression.unexpected(at, expected[0], result)
        return result

    return _rendered(value, evaluate, location, 0)


def _rendered(value: Json, evaluate: EvaluateField, location: str, depth: int) -> Json:
    if depth > MAX_DEPTH:
        raise DefinitionError(f"The field '{location[:80]}' is nested more than {MAX_DEPTH} levels deep.")
    if isinstance(value, str):
        return evaluate(compile_jsonata(expression_of(value)), location) if is_expression(value) else value
    if isinstance(value, dict):
        return {name: _rendered(each, evaluate, f"{location}/{name}", depth + 1) for name, each in value.items()}
    if isinstance(value, list):
        return [_rendered(each, evaluate, f"{location}[{i}]", depth + 1) for i, each in enumerate(value)]
    return value
