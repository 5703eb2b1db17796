"""Checks of JSONata expressions: syntax, and references that AWS does not offer."""

from __future__ import annotations

from headrace.streams.machines.errors import DefinitionError
from headrace.streams.machines.expressions.jsonata.expression import compile_jsonata
from headrace.streams.machines.expressions.jsonata.references import ROOT, STATES, top_level_references
from headrace.streams.machines.expressions.jsonata.render import expression_of, is_expression
from headrace.streams.machines.validation.node import Node


def has_expression(node: Node) -> bool:
    """Return whether a value is an expression, and the query language is JSONata."""
    return node.is_jsonata and is_expression(node.value)


def check_expression(node: Node) -> None:
    """Check the syntax of an expression, and the names that it refers to."""
    try:
        expression = compile_jsonata(expression_of(node.value))
    except DefinitionError as error:
        node.error(str(error), "INVALID_JSONATA_EXPRESSION")
        return
    for name in top_level_references(expression):
        if name == ROOT:
            node.error(f"Reference to '{name}' is not supported.", "UNSUPPORTED_JSONATA_EXPRESSION")
        elif not name.startswith(STATES):
            message = f"Reference to '{name}' at the top level is not supported."
            node.error(message, "UNSUPPORTED_JSONATA_EXPRESSION")
        elif name.removeprefix(STATES) not in ("input", "context", node.setting.result):
            node.error(f"Field '{name}' does not exist.", "UNSUPPORTED_JSONATA_EXPRESSION")
