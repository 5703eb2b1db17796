"""Checks of the rules of Choice states."""

from __future__ import annotations

from headrace.streams.machines.validation.expressions import (
    assignments,
    literal_text,
    or_expression,
    payload,
    reference_path,
)
from headrace.streams.machines.validation.node import FieldRule, Node, NodeCheck, ObjectFields
from headrace.streams.machines.validation.values import EMPTY, boolean, number, text, timestamp

MAX_RULE_DEPTH = 100

_ORDERS = ("Equals", "LessThan", "GreaterThan", "LessThanEquals", "GreaterThanEquals")
_OPERANDS: dict[str, NodeCheck] = {"String": literal_text, "Numeric": number, "Timestamp": timestamp}
_COMPARATORS: dict[str, NodeCheck] = {
    **{kind + order: check for kind, check in _OPERANDS.items() for order in _ORDERS},
    **{f"{kind}{order}Path": reference_path for kind in _OPERANDS for order in _ORDERS},
    "BooleanEquals": boolean,
    "BooleanEqualsPath": reference_path,
    "StringMatches": text,
    **dict.fromkeys(("IsNull", "IsPresent", "IsNumeric", "IsString", "IsBoolean", "IsTimestamp"), boolean),
}
_BOOLEAN_OPERATORS = ("And", "Or", "Not")
_LISTED = (
    *("StringEquals", "IsBoolean", "StringLessThan", "IsNumeric", "BooleanEquals", "StringLessThanEqualsPath"),
    *("NumericLessThan", "NumericGreaterThan", "NumericLessThanPath", "StringMatches", "TimestampLessThanEqualsPath"),
    *("NumericEquals", "TimestampGreaterThan", "StringGreaterThanEqualsPath", "TimestampGreaterThanEqualsPath"),
    *("TimestampLessThanEquals", "NumericLessThanEqualsPath", "TimestampEquals", "BooleanEqualsPath", "IsTimestamp"),
    *("StringLessThanEquals", "NumericLessThanEquals", "StringLessThanPath", "TimestampGreaterThanPath"),
    *("StringGreaterThan", "StringGreaterThanPath", "IsString", "StringEqualsPath", "TimestampEqualsPath"),
    *("TimestampLessThan", "StringGreaterThanEquals", "NumericGreaterThanPath", "NumericGreaterThanEquals"),
    *("NumericEqualsPath", "TimestampLessThanPath", "IsNull", "IsPresent", "TimestampGreaterThanEquals"),
    "NumericGreaterThanEqualsPath",
)
"""The comparators in the order in which AWS lists them."""
OPERATORS = frozenset((*_COMPARATORS, *_BOOLEAN_OPERATORS))


def _nothing(_node: Node) -> None:
    """Check nothing: operators are checked without recursion."""


_NESTED = {
    "Variable": FieldRule(reference_path, "JSONPath"),
    **{name: FieldRule(check, "JSONPath") for name, check in _COMPARATORS.items()},
    **{name: FieldRule(_nothing, "JSONPath") for name in _BOOLEAN_OPERATORS},
    "Comment": FieldRule(text),
}
_NESTED_RULE = ObjectFields(_NESTED)
_RULE = ObjectFields(
    {
        **_NESTED,
        "Next": FieldRule(text, required=True),
        "Condition": FieldRule(or_expression(boolean), "JSONata"),
        "Assign": FieldRule(assignments),
        "Output": FieldRule(payload, "JSONata"),
    }
)


def rules(node: Node) -> None:
    """Check Choices."""
    if not isinstance(node.value, list):
        node.error("Expected value of type Array")
        return
    if not node.value:
        node.error(EMPTY)
    for rule in node.items():
        _RULE(rule)
        if not isinstance(rule.value, dict):
            continue
        if rule.is_jsonata:
            if "Condition" not in rule.value:
                rule.error("These fields are required: [Condition]")
        else:
            _check_operators(rule)


def _check_operators(rule: Node) -> None:
    """Check the operators of a rule and of the rules inside it, without recursion."""
    pending = [(rule, 0)]
    while pending:
        each, depth = pending.pop()
        if depth:
            _NESTED_RULE(each)
        if depth > MAX_RULE_DEPTH:
            each.error(f"Rules are nested more than {MAX_RULE_DEPTH} levels deep", "TOO_DEEPLY_NESTED")
        elif isinstance(each.value, dict):
            pending += [(nested, depth + 1) for nested in reversed(_operands(each))]


def _operands(rule: Node) -> list[Node]:
    """Check that a rule has one operator, and return the rules that it combines."""
    names = [name for name in rule.value if name in OPERATORS]
    if len(names) != 1:
        problem = "There should only be one" if names else "This object should have only one"
        rule.error(f"{problem} of the following fields: [{', '.join(_LISTED)}]")
        return []
    [name] = names
    if name not in _BOOLEAN_OPERATORS:
        if "Variable" not in rule.value:
            rule.error("These fields are required: [Variable]")
        return []
    if "Variable" in rule.value:
        rule.error("Field 'Variable' is not supported")
    operand = rule.child(name)
    if name == "Not":
        return [operand]
    if isinstance(operand.value, list) and operand.value:
        return list(operand.items())
    operand.error(EMPTY if operand.value == [] else "Expected value of type Array")
    return []
