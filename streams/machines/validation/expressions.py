"""Checks of paths, payload templates and JSONata expressions."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from headrace.streams.machines.errors import DefinitionError
from headrace.streams.machines.expressions.paths.path import compile_path, compile_reference_path
from headrace.streams.machines.expressions.template import compile_field
from headrace.streams.machines.validation.jsonata import check_expression, has_expression
from headrace.streams.machines.validation.node import Node, NodeCheck
from headrace.streams.machines.validation.values import text

_LOOKS_LIKE_EXPRESSION = re.compile(r"\$\$?\.|States\.[A-Za-z0-9]+\(")
_VARIABLE = re.compile(r"[^\W\d]\w*")
MAX_VARIABLE_NAME = 80


def path_or_null(node: Node) -> None:
    """Check InputPath or OutputPath: a path, or null for an empty object."""
    if node.value is not None:
        path(node)


def path(node: Node) -> None:
    """Check that a value is a path."""
    _compile(node, compile_path, "Value is not a JSONPath")


def reference_path(node: Node) -> None:
    """Check that a value is a path that selects at most one value."""
    if isinstance(node.value, str) and not node.value.startswith("$"):
        node.error("Value is not a Reference Path: Reference path didn't start with '$'")
    else:
        _compile(node, compile_reference_path, "Value is not a Reference Path")


def input_reference_path(node: Node) -> None:
    """Check that a value is a reference path, and not of the context object."""
    if isinstance(node.value, str) and node.value.startswith("$$"):
        node.error("Value is not a Reference Path: the context object is not supported here")
    else:
        reference_path(node)


def result_path(node: Node) -> None:
    """Check ResultPath: null, or a reference path to write to."""
    if isinstance(node.value, str) and re.match(r"\$[$\w]", node.value):
        node.error("Value is not a Reference Path: it must start with '$.' or '$['")
    elif node.value is not None:
        reference_path(node)


def path_or_intrinsic(node: Node) -> None:
    """Check ErrorPath or CausePath: a path, or an intrinsic function."""
    if isinstance(node.value, str) and node.value.startswith("States."):
        name = node.location.rpartition("/")[2]
        _check_field(node, name, node.value)
    else:
        reference_path(node)


def _compile(node: Node, compile_text: Any, message: str) -> None:
    if not isinstance(node.value, str):
        node.error("Expected value of type String")
        return
    try:
        compile_text(node.value)
    except DefinitionError as error:
        node.error(f"{message}: {error}")


def payload(node: Node) -> None:
    """Check a payload: a template in JSONPath, any JSON with expressions in JSONata."""
    pending = [node]
    while pending:
        each = pending.pop()
        if isinstance(each.value, dict):
            if not node.is_jsonata:
                _check_members(each)
            pending += [each.child(name) for name in each.value if node.is_jsonata or not name.endswith(".$")]
        elif isinstance(each.value, list):
            pending += each.items()
        elif has_expression(each):
            check_expression(each)


def object_payload(node: Node) -> None:
    """Check a payload that must be an object, or in JSONata an expression."""
    if isinstance(node.value, dict) or has_expression(node):
        payload(node)
    else:
        node.error("Expected value of type Object")


def _check_members(node: Node) -> None:
    for name, value in node.value.items():
        if name.endswith(".$"):
            _check_field(node, name, value)
            if name.removesuffix(".$") in node.value:
                plain = name.removesuffix(".$")
                node.error(f"There should only be one of the following fields: [{plain}, {name}]")
        elif isinstance(value, str) and _LOOKS_LIKE_EXPRESSION.match(value):
            node.warning(
                "NO_DOLLAR",
                f"The value of the field '{name}' looks like a JSONPath or an intrinsic function, "
                "but the name of the field does not end with '.$'",
            )


def _check_field(node: Node, name: str, value: Any) -> None:
    try:
        compile_field(name, value)
    except DefinitionError:
        node.error(f"The value for the field '{name}' must be a valid JSONPath or a valid intrinsic function call")


def assignments(node: Node) -> None:
    """Check Assign: names of variables and their values."""
    if not isinstance(node.value, dict):
        node.error("Expected value of type Object")
        return
    for name in node.value:
        variable = name if node.is_jsonata else name.removesuffix(".$")
        if variable == "states":
            node.error("Variable name 'states' is reserved")
        elif len(variable) > MAX_VARIABLE_NAME:
            node.error(f"Variable name '{variable}' has more than {MAX_VARIABLE_NAME} characters")
        elif not _VARIABLE.fullmatch(variable):
            node.error(f"Variable name '{variable}' must start with a letter or '_', and have letters, digits and '_'")
    payload(node)


def assignments_of(state: Node) -> Iterator[Node]:
    """Yield each Assign of a state: its own, and those of its Choice rules and catchers."""
    if not isinstance(state.value, dict):
        return
    entries = [state.child(name) for name in ("Choices", "Catch") if isinstance(state.value.get(name), list)]
    for node in (state, *(item for entry in entries for item in entry.items())):
        if isinstance(node.value, dict) and isinstance(node.value.get("Assign"), dict):
            yield node.child("Assign")


def literal_text(node: Node) -> None:
    """Check a string that is an expression in JSONata. In JSONPath, warn of a path: the field with Path is meant."""
    text(node)
    if has_expression(node):
        check_expression(node)
    elif isinstance(node.value, str) and not node.is_jsonata and _LOOKS_LIKE_EXPRESSION.match(node.value):
        name = node.location.rpartition("/")[2]
        node.warning("NO_PATH", f"The value of the field '{name}' looks like a path. Use the field '{name}Path'")


def or_expression(check: NodeCheck) -> NodeCheck:
    """Return a check that accepts an expression in place of a value, if the query language is JSONata."""

    def check_either(node: Node) -> None:
        if has_expression(node):
            check_expression(node)
        else:
            check(node)

    return check_either


def static_result(node: Node) -> None:
    """Warn of paths in the Result of a Pass state, which is not evaluated."""
    pending = [node]
    while pending:
        each = pending.pop()
        if isinstance(each.value, dict):
            if any(name.endswith(".$") for name in each.value):
                node.warning("PASS_RESULT_IS_STATIC", "Result is not evaluated. Use Parameters for values of paths")
                return
            pending += [each.child(name) for name in each.value]
        elif isinstance(each.value, list):
            pending += each.items()
