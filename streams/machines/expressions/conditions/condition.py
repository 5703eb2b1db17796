"""Compile the condition of a Choice rule: one comparator, or `And`, `Or` and `Not` of conditions.

    {"Variable": "$.size", "NumericLessThanPath": "$.limit"}
    {"And": [{"Variable": "$.name", "IsPresent": true}, {"Variable": "$.name", "StringMatches": "*.mp4"}]}

A missing variable fails the state, except for `IsPresent`. `And` and `Or` stop at the first condition that decides.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from headrace.streams.machines.errors import RUNTIME, DefinitionError, StatesError
from headrace.streams.machines.expressions.conditions.comparators import COMPARATORS, TYPE_TESTS, Comparator
from headrace.streams.machines.expressions.conditions.wildcards import wildcard_pattern
from headrace.streams.machines.expressions.paths.path import Path, compile_path
from headrace.streams.machines.expressions.scope import MISSING, Scope
from headrace.streams.machines.json_types import Json

MAX_DEPTH = 100
IS_PRESENT = "IsPresent"
STRING_MATCHES = "StringMatches"
PATH_SUFFIX = "Path"

OPERATORS = frozenset(
    {
        *("And", "Or", "Not", IS_PRESENT, STRING_MATCHES),
        *TYPE_TESTS,
        *COMPARATORS,
        *(f"{name}{PATH_SUFFIX}" for name in COMPARATORS),
    }
)
"""The names of the 39 comparators, and `And`, `Or` and `Not`."""

Matches = Callable[[Scope], bool]


class ChoiceCondition:
    """A compiled condition."""

    __slots__ = ("matches",)

    def __init__(self, matches: Matches) -> None:
        self.matches = matches
        """Return whether the condition holds.

        Raises:
            StatesError: A variable or an operand's path has no value, or a pattern is invalid.
        """


def compile_condition(rule: Mapping[str, Json]) -> ChoiceCondition:
    """Return the condition of a Choice rule. Fields that are not operators, such as `Next`, are ignored.

    Raises:
        DefinitionError: The rule has no operator or several, or an operand or a path is invalid.
    """
    return ChoiceCondition(_compiled(rule, 0))


def _compiled(rule: Json, depth: int) -> Matches:
    if not isinstance(rule, Mapping):
        raise DefinitionError("A Choice rule must be an object.")
    if depth > MAX_DEPTH:
        raise DefinitionError(f"Choice rules are nested more than {MAX_DEPTH} levels deep.")
    names = [name for name in rule if name in OPERATORS]
    if len(names) != 1:
        raise DefinitionError(f"A Choice rule must have exactly one comparison operator, not {len(names)}.")
    name, operand = names[0], rule[names[0]]
    if name == "Not":
        negated = _compiled(operand, depth + 1)
        return lambda scope: not negated(scope)
    if name in ("And", "Or"):
        return _combined(name, operand, depth)
    return _comparison(name, operand, _path(rule.get("Variable"), "Variable"))


def _combined(name: str, rules: Json, depth: int) -> Matches:
    if not isinstance(rules, list) or not rules:
        raise DefinitionError(f"The value of '{name}' must be a non-empty array of Choice rules.")
    conditions = [_compiled(rule, depth + 1) for rule in rules]
    if name == "And":
        return lambda scope: all(matches(scope) for matches in conditions)
    return lambda scope: any(matches(scope) for matches in conditions)


def _comparison(name: str, operand: Json, variable: Path) -> Matches:
    """Return the condition of a comparator."""
    if name == IS_PRESENT or name in TYPE_TESTS:
        return _type_test(name, operand, variable)
    if name == STRING_MATCHES:
        return _string_matches(operand, variable)
    comparator = COMPARATORS.get(name)
    if comparator is None:
        path = _path(operand, name)
        comparator = COMPARATORS[name.removesuffix(PATH_SUFFIX)]
        return _compared_with_path(comparator, variable, path)
    if comparator.key(operand) is None:
        raise DefinitionError(f"The value for the field '{name}' must be {_required(name)}")
    return _compared_with_value(comparator, variable, operand)


def _type_test(name: str, expected: Json, variable: Path) -> Matches:
    if not isinstance(expected, bool):
        raise DefinitionError(f"The value for the field '{name}' must be BOOLEAN")
    if name == IS_PRESENT:
        return lambda scope: (variable.find(scope) is not MISSING) is expected
    test = TYPE_TESTS[name]
    return lambda scope: test(_value(variable, scope)) is expected


def _string_matches(text: Json, variable: Path) -> Matches:
    if not isinstance(text, str):
        raise DefinitionError(f"The value for the field '{STRING_MATCHES}' must be STRING")

    def matches(scope: Scope) -> bool:
        value = _value(variable, scope)
        return wildcard_pattern(text).matches(value) if isinstance(value, str) else False

    return matches


def _compared_with_value(comparator: Comparator, variable: Path, operand: Json) -> Matches:
    key, test, right = comparator.key, comparator.test, comparator.key(operand)

    def matches(scope: Scope) -> bool:
        left = key(_value(variable, scope))
        return left is not None and test(left, right)

    return matches


def _compared_with_path(comparator: Comparator, variable: Path, operand: Path) -> Matches:
    return lambda scope: comparator.matches(_value(variable, scope), _value(operand, scope))


def _value(path: Path, scope: Scope) -> Json:
    value = path.find(scope)
    if value is MISSING:
        cause = f"Invalid path '{path.text}': The choice state's condition path references an invalid value."
        raise StatesError(RUNTIME, cause)
    return value


def _path(text: Json, field: str) -> Path:
    if not isinstance(text, str):
        raise DefinitionError(f"The value for the field '{field}' must be a valid JSONPath")
    return compile_path(text)


def _required(name: str) -> str:
    if name.startswith("Timestamp"):
        return "a valid ISO-8601 timestamp"
    return name.removesuffix("Equals").removesuffix("LessThan").removesuffix("GreaterThan").upper()
