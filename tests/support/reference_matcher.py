"""Evaluate event patterns by brute force, independently of the product.

Tries every choice of one value per field (array consistency), so it is slow for large events.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from itertools import product
from typing import Any

Json = Any
Place = tuple[tuple[str, int], ...]
NOTHING: tuple[Json, Place] = (..., ())


def matches(pattern: Json, event: Json) -> bool:
    """Whether an event matches a valid pattern."""
    return any(_conjunction(clauses, event) for clauses in _branches(pattern, "", [{}]))


def _branches(pattern: Json, before: str, found: list[dict[str, Json]]) -> list[dict[str, Json]]:
    for name, wanted in pattern.items():
        if name == "$or":
            found = [each for branch in wanted for each in _branches(branch, before, [dict(one) for one in found])]
        elif isinstance(wanted, dict):
            found = _branches(wanted, f"{before}{name}.", found)
        else:
            found = [{**each, before + name: wanted} for each in found]
    return found


def _conjunction(clauses: dict[str, Json], event: Json) -> bool:
    """Check clauses in field order; a field is absent if no chosen element has it."""
    values = list(_values(event, "", (), "$"))
    there = [[(value, place) for path, value, place in values if path == wanted] for wanted in sorted(clauses)]
    wanted = [clauses[path] for path in sorted(clauses)]
    return any(_holds(choice, there, wanted) for choice in product(*([*found, NOTHING] for found in there)))


def _holds(choice: tuple[tuple[Json, Place], ...], there: list[list[tuple[Json, Place]]], wanted: list[Json]) -> bool:
    chosen: dict[str, int] = {}
    for (value, place), others, alternatives in zip(choice, there, wanted, strict=True):
        if value is ...:
            if {"exists": False} not in alternatives or any(_fits(chosen, other) for _, other in others):
                return False
        elif not _fits(chosen, place) or not any(_alternative(each, value) for each in alternatives):
            return False
        chosen.update(place)
    return True


def _fits(chosen: dict[str, int], place: Place) -> bool:
    return all(chosen.get(name, index) == index for name, index in place)


def _values(event: Json, path: str, place: Place, at: str) -> Iterator[tuple[str, Json, Place]]:
    """Yield every scalar with its path and array indexes; `at` is the current position in the event."""
    if isinstance(event, dict):
        for name, value in event.items():
            yield from _values(value, f"{path}.{name}" if path else name, place, f"{at}/{name}")
    elif isinstance(event, list):
        for index, value in enumerate(event):
            inside = (*place, (at, index)) if isinstance(value, dict | list) else place
            yield from _values(value, path, inside, f"{at}[{index}]")
    else:
        yield path, event, place


def _alternative(wanted: Json, value: Json) -> bool:
    if not isinstance(wanted, dict):
        return (type(wanted) is type(value) and wanted == value) or (_numbers(wanted, value) and wanted == value)
    [(name, operand)] = wanted.items()
    if name == "exists":
        return bool(operand)
    if name == "anything-but":
        inner = operand if isinstance(operand, dict) else {"": operand}
        [(name, several)] = inner.items()
        several = several if isinstance(several, list) else [several]
        return not any(_alternative({name: each} if name else each, value) for each in several)
    if name == "numeric":
        pairs = zip(operand[::2], operand[1::2], strict=True)
        return _numbers(value, 0) and all(_compare(symbol, value, number) for symbol, number in pairs)
    return isinstance(value, str) and _text(name, operand, value)


def _numbers(*values: Json) -> bool:
    return all(type(each) in (int, float) for each in values)


def _compare(symbol: str, value: float, number: float) -> bool:
    return {"=": value == number, "<": value < number, "<=": value <= number}.get(
        symbol, value > number if symbol == ">" else value >= number
    )


def _text(name: str, operand: Json, value: str) -> bool:
    if isinstance(operand, dict):
        operand, value = operand["equals-ignore-case"].lower(), value.lower()
    if name == "prefix":
        return bool(value[: len(operand)] == operand)
    if name == "suffix":
        return value[len(value) - len(operand) :] == operand if operand else True
    if name == "equals-ignore-case":
        return bool(value.lower() == operand.lower())
    if name == "cidr":
        try:
            return ipaddress.ip_address(value) in ipaddress.ip_network(operand, strict=False)
        except ValueError:
            return False
    return _wild(operand, value)


def _wild(form: str, value: str) -> bool:
    """Match a wildcard one character at a time, as its definition says."""
    if not form:
        return not value
    if form[0] == "*":
        return _wild(form[1:], value) or (bool(value) and _wild(form, value[1:]))
    literal, rest = (form[1], form[2:]) if form[0] == "\\" else (form[0], form[1:])
    return value[:1] == literal and _wild(rest, value[1:])
