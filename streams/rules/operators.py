"""Parse the operators of event patterns into conditions.

Sources: Amazon EventBridge User Guide, "Comparison operators for use in event patterns"; aws/event-ruler where the
guide does not specify the behaviour.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from headrace.streams.rules.conditions import (
    AnythingBut,
    Cidr,
    Condition,
    Exactly,
    Exists,
    IgnoringCase,
    Numeric,
    Prefix,
    Suffix,
    Wildcard,
    is_comparable,
)
from headrace.streams.rules.errors import InvalidPatternError


def alternative(value: Any, path: str) -> Condition:
    """Parse one alternative: a value, or an operator with its operand.

    Raises:
        InvalidPatternError: The alternative breaks a rule of the language.
    """
    if value is None or isinstance(value, str | bool | int | float):
        return Exactly(value)
    if not isinstance(value, Mapping):
        raise InvalidPatternError(path, f"an alternative is a value or one operator, not {kind(value)}")
    if len(value) != 1:
        raise InvalidPatternError(path, f"an object has one operator, not {len(value)}")
    [(name, operand)] = value.items()
    parse_operand = _OPERATORS.get(name)
    if parse_operand is None:
        raise InvalidPatternError(path, f"unknown operator {name!r}; there are {', '.join(_OPERATORS)}")
    return parse_operand(operand, path)


def _text(operand: Any, path: str, name: str) -> str:
    if not isinstance(operand, str):
        raise InvalidPatternError(path, f"{name} takes a string, not {kind(operand)}")
    return operand


def _prefix(operand: Any, path: str) -> Condition:
    if isinstance(operand, Mapping):
        return IgnoringCase("prefix", _inner_text(operand, path, "prefix"))
    return Prefix(_text(operand, path, "prefix"))


def _suffix(operand: Any, path: str) -> Condition:
    if isinstance(operand, Mapping):
        return IgnoringCase("suffix", _inner_text(operand, path, "suffix"))
    return Suffix(_text(operand, path, "suffix"))


def _inner_text(operand: Mapping[str, Any], path: str, name: str) -> str:
    if list(operand) != ["equals-ignore-case"]:
        raise InvalidPatternError(
            path, f"{name} takes a string or one equals-ignore-case, not {', '.join(operand) or '{}'}"
        )
    return _text(operand["equals-ignore-case"], path, "equals-ignore-case")


def _ignoring_case(operand: Any, path: str) -> IgnoringCase:
    return IgnoringCase("equals", _text(operand, path, "equals-ignore-case"))


def _wildcard(operand: Any, path: str) -> Wildcard:
    try:
        return Wildcard(_text(operand, path, "wildcard"))
    except ValueError as error:
        raise (
            error if isinstance(error, InvalidPatternError) else InvalidPatternError(path, f"wildcard: {error}")
        ) from None


def _exactly(operand: Any, path: str) -> Condition:
    return Exactly(_text(operand, path, "exactly"))


def _exists(operand: Any, path: str) -> Condition:
    if not isinstance(operand, bool):
        raise InvalidPatternError(path, f"exists takes true or false, not {kind(operand)}")
    return Exists(operand)


def _cidr(operand: Any, path: str) -> Condition:
    block = _text(operand, path, "cidr")
    address, _, mask = block.partition("/")
    condition = Cidr(block)
    try:
        address_bits = condition.network.max_prefixlen
    except ValueError:
        raise InvalidPatternError(path, f"cidr takes a block such as 10.0.0.0/24, not {block!r}") from None
    if not mask.isdecimal() or not int(mask) < address_bits or "%" in address:
        raise InvalidPatternError(path, f"cidr takes a mask of 0 to {address_bits - 1} bits, not {block!r}")
    return condition


def _numeric(operand: Any, path: str) -> Condition:
    if not is_list(operand) or len(operand) not in (2, 4):
        raise InvalidPatternError(path, 'numeric takes a list such as ["=", 5] or [">", 0, "<=", 5]')
    pairs = list(zip(operand[::2], operand[1::2], strict=True))
    for _, number in pairs:
        if not is_comparable(number):
            raise InvalidPatternError(path, f"numeric takes numbers that a double can hold, not {number!r}")
    match [symbol for symbol, _ in pairs]:
        case ["="]:
            return Numeric(pairs[0][1], False, pairs[0][1], False)
        case [">" | ">=" as low]:
            return Numeric(pairs[0][1], low == ">", math.inf, False)
        case ["<" | "<=" as high]:
            return Numeric(-math.inf, False, pairs[0][1], high == "<")
        case [">" | ">=" as low, "<" | "<=" as high] if pairs[0][1] < pairs[1][1]:
            return Numeric(pairs[0][1], low == ">", pairs[1][1], high == "<")
        case [">" | ">=", "<" | "<="]:
            raise InvalidPatternError(path, "numeric: the lower bound must be less than the upper one")
    raise InvalidPatternError(path, "numeric takes one of = < <= > >=, or > or >= and then < or <=")


def _anything_but(operand: Any, path: str) -> Condition:
    others: list[Exactly | Prefix | Suffix | IgnoringCase | Wildcard]
    if isinstance(operand, Mapping):
        if len(operand) != 1 or not operand.keys() <= _BUT.keys():
            raise InvalidPatternError(
                path, f"anything-but takes one of {', '.join(_BUT)}, not {', '.join(map(str, operand))}"
            )
        [(name, inner)] = operand.items()
        texts = list(inner) if is_list(inner) else [inner]
        if name in ("prefix", "suffix") and "" in texts:
            raise InvalidPatternError(path, f"anything-but with an empty {name} matches nothing")
        others = [_BUT[name](each, path) for each in texts]
    else:
        values = list(operand) if is_list(operand) else [operand]
        if not all(isinstance(each, str) for each in values) and not all(map(is_comparable, values)):
            raise InvalidPatternError(path, "anything-but takes strings or numbers that a double can hold, not both")
        others = [Exactly(each) for each in values]
    if not others:
        raise InvalidPatternError(path, "anything-but with an empty list matches everything; use exists")
    return AnythingBut(tuple(others))


def _but_prefix(operand: Any, path: str) -> Prefix:
    return Prefix(_text(operand, path, "anything-but prefix"))


def _but_suffix(operand: Any, path: str) -> Suffix:
    return Suffix(_text(operand, path, "anything-but suffix"))


_OPERATORS: dict[str, Callable[[Any, str], Condition]] = {
    "prefix": _prefix,
    "suffix": _suffix,
    "equals-ignore-case": _ignoring_case,
    "wildcard": _wildcard,
    "anything-but": _anything_but,
    "numeric": _numeric,
    "exists": _exists,
    "cidr": _cidr,
    "exactly": _exactly,
}
_BUT: dict[str, Callable[[Any, str], Prefix | Suffix | IgnoringCase | Wildcard]] = {
    "prefix": _but_prefix,
    "suffix": _but_suffix,
    "equals-ignore-case": _ignoring_case,
    "wildcard": _wildcard,
}


def is_list(value: Any) -> bool:
    """Return whether a value is a list and not a string."""
    return isinstance(value, Sequence) and not isinstance(value, str | bytes)


def kind(value: Any) -> str:
    """Return the JSON type of a value, with its article."""
    return {type(None): "null", bool: "a boolean", str: "a string", list: "a list", dict: "an object"}.get(
        type(value), "a number" if isinstance(value, int | float) else type(value).__name__
    )
