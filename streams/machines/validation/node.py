"""A value of a definition with its location, and checks of objects against a table of fields."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from headrace.streams.machines.validation.findings import Code, Report

QueryLanguage = Literal["JSONPath", "JSONata"]


@dataclass(frozen=True, slots=True)
class Setting:
    """What holds for all values of a state: query language, type of the machine, findings so far."""

    language: QueryLanguage
    express: bool
    report: Report
    result: str = ""
    """The field of `$states` that only some expressions can read: `result` or `errorOutput`; empty for none."""


@dataclass(frozen=True, slots=True)
class Node:
    """A value and its location."""

    value: Any
    location: str
    setting: Setting

    def child(self, name: str) -> Node:
        """Return a member of an object."""
        parent = "" if self.location == "/" else self.location
        return Node(self.value[name], f"{parent}/{name}", self.setting)

    def items(self) -> Iterator[Node]:
        """Yield the items of an array."""
        for index, item in enumerate(self.value):
            yield Node(item, f"{self.location}[{index}]", self.setting)

    def error(self, message: str, code: Code = "SCHEMA_VALIDATION_FAILED") -> None:
        """Report an error here."""
        self.setting.report.error(code, message, self.location)

    def warning(self, code: Code, message: str) -> None:
        """Report a warning here."""
        self.setting.report.warning(code, message, self.location)

    @property
    def is_jsonata(self) -> bool:
        """Whether the query language is JSONata."""
        return self.setting.language == "JSONata"


NodeCheck = Callable[[Node], None]


def reading(result: str, check: NodeCheck) -> NodeCheck:
    """Return a check of a field whose expressions can read `$states.result` or `$states.errorOutput`."""
    return lambda node: check(replace(node, setting=replace(node.setting, result=result)))


@dataclass(frozen=True, slots=True)
class FieldRule:
    """A field: how to check it, and the only query language that has it; None for both."""

    check: NodeCheck
    language: QueryLanguage | None = None
    required: bool = False


@dataclass(frozen=True, slots=True)
class ObjectFields:
    """The fields of an object.

    `exclusive`: groups of which at most one field may be present. `alternatives`: groups of which exactly one must be.
    """

    fields: Mapping[str, FieldRule]
    exclusive: tuple[tuple[str, ...], ...] = ()
    alternatives: tuple[tuple[str, ...], ...] = ()

    def __call__(self, node: Node) -> None:
        """Check an object and each of its fields."""
        if not isinstance(node.value, dict):
            node.error("Expected value of type Object")
            return
        self._check_names(node)
        for name in node.value:
            field = self.fields.get(name)
            if field is None:
                node.error(f"Field '{name}' is not supported")
            elif field.language not in (None, node.setting.language):
                node.error(
                    f"The QueryLanguage is set to '{node.setting.language}', but field '{name}' is only supported "
                    f"for the '{field.language}' QueryLanguage"
                )
            else:
                field.check(node.child(name))

    def _check_names(self, node: Node) -> None:
        missing = [name for name, field in self.fields.items() if field.required and name not in node.value]
        if missing:
            node.error(f"These fields are required: [{', '.join(missing)}]")
        for group in (*self.exclusive, *self.alternatives):
            if sum(name in node.value for name in group) > 1:
                node.error(f"There should only be one of the following fields: [{', '.join(group)}]")
        for group in self.alternatives:
            usable = [name for name in group if self.fields[name].language in (None, node.setting.language)]
            if not any(name in node.value for name in group):
                node.error(f"This object should have only one of the following fields: [{', '.join(usable)}]")
