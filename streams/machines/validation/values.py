"""Checks of scalars and arrays."""

from __future__ import annotations

from headrace.streams.machines.expressions.timestamps import nanoseconds_of
from headrace.streams.machines.validation.node import Node, NodeCheck

MAX_SECONDS = 99_999_999
EMPTY = "Value cannot be empty"


def anything(_node: Node) -> None:
    """Accept any value."""


def text(node: Node) -> None:
    """Check that a value is a string."""
    if not isinstance(node.value, str):
        node.error("Expected value of type String")


def boolean(node: Node) -> None:
    """Check that a value is a boolean."""
    if not isinstance(node.value, bool):
        node.error("Expected value of type Boolean")


def number(node: Node) -> None:
    """Check that a value is a number."""
    if isinstance(node.value, bool) or not isinstance(node.value, int | float):
        node.error("Expected value of type Number")


def integer_from(minimum: int, maximum: int | None = None) -> NodeCheck:
    """Return a check for integers from `minimum` to `maximum`."""

    def check(node: Node) -> None:
        if isinstance(node.value, bool) or not isinstance(node.value, int):
            node.error("Expected value of type Integer")
        else:
            _check_range(node, minimum, maximum)

    return check


def number_from(minimum: float, maximum: float | None = None) -> NodeCheck:
    """Return a check for numbers from `minimum` to `maximum`."""

    def check(node: Node) -> None:
        if isinstance(node.value, bool) or not isinstance(node.value, int | float):
            node.error("Expected value of type Number")
        else:
            _check_range(node, minimum, maximum)

    return check


def _check_range(node: Node, minimum: float, maximum: float | None) -> None:
    if node.value < minimum:
        node.error(f"Minimum value is {minimum}")
    if maximum is not None and node.value > maximum:
        node.error(f"Maximum value is {maximum}")


def one_of(*values: str) -> NodeCheck:
    """Return a check for a string out of several."""

    def check(node: Node) -> None:
        if not isinstance(node.value, str):
            node.error("Expected value of type String")
        elif node.value not in values:
            name = node.location.rpartition("/")[2]
            node.error(f"The field '{name}' should have one of these values: [{', '.join(values)}]")

    return check


def text_of_length(minimum: int, maximum: int) -> NodeCheck:
    """Return a check for strings of `minimum` to `maximum` characters."""

    def check(node: Node) -> None:
        if not isinstance(node.value, str):
            node.error("Expected value of type String")
        elif not minimum <= len(node.value) <= maximum:
            node.error(f"Length must be between {minimum} and {maximum} characters")

    return check


def array_of(check_item: NodeCheck, *, may_be_empty: bool = True) -> NodeCheck:
    """Return a check for arrays."""

    def check(node: Node) -> None:
        if not isinstance(node.value, list):
            node.error("Expected value of type Array")
            return
        if not node.value and not may_be_empty:
            node.error(EMPTY)
        for item in node.items():
            check_item(item)

    return check


def timestamp(node: Node) -> None:
    """Check that a value is a timestamp as RFC 3339 and the Amazon States Language define it: with `T` and a zone."""
    if nanoseconds_of(node.value) is None:
        node.error("String does not match RFC3339 timestamp")
