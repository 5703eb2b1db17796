"""Read the fields of a JSON object of a definition, with errors that name the field."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

from headrace.streams.machines.definition.checks import require_expressions
from headrace.streams.machines.definition.model import QueryLanguage
from headrace.streams.machines.definition.values import Constant, DynamicValue, JsonataValue, PathValue, RenderedValue
from headrace.streams.machines.errors import DefinitionError
from headrace.streams.machines.expressions.jsonata.render import is_expression
from headrace.streams.machines.expressions.paths.path import Path, ReferencePath, compile_path, compile_reference_path
from headrace.streams.machines.expressions.scope import MISSING, Missing
from headrace.streams.machines.expressions.template import Template, compile_field, compile_template
from headrace.streams.machines.json_types import Json

T = TypeVar("T")

ROOT = compile_path("$")


class DefinitionFields:
    """A JSON object of a definition. `location` is its place in the definition, such as `/States/A`."""

    __slots__ = ("language", "location", "raw")

    def __init__(self, raw: Json, location: str, language: QueryLanguage) -> None:
        """Raises:
        DefinitionError: The value is not an object.
        """
        if not isinstance(raw, dict):
            raise DefinitionError(f"{location or '/'}: expected an object")
        self.raw: Mapping[str, Json] = raw
        self.location = location
        self.language = language

    @property
    def is_jsonata(self) -> bool:
        """Whether the object is part of a JSONata state."""
        return self.language == "JSONata"

    def has(self, name: str) -> bool:
        """Return whether the object has a field."""
        return name in self.raw

    def optional_text(self, name: str) -> str | None:
        """Return a string; None if the object has no such field.

        Raises:
            DefinitionError: The value is not a string.
        """
        value = self.raw.get(name)
        if value is None or isinstance(value, str):
            return value
        raise self.error(name, "expected a string")

    def text(self, name: str) -> str:
        """Return a string.

        Raises:
            DefinitionError: The field is missing or not a string.
        """
        value = self.optional_text(name)
        if value is None:
            raise self.error(name, "required")
        return value

    def number(self, name: str, default: float | None) -> float | None:
        """Return a number that is not negative; `default` if the object has no such field.

        Raises:
            DefinitionError: The value is not a number, or is negative.
        """
        if name not in self.raw:
            return default
        value: Json = self.raw[name]
        if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
            raise self.error(name, "expected a number that is not negative")
        return float(value) if isinstance(value, float) else int(value)

    def objects(self, name: str) -> list[DefinitionFields]:
        """Return the objects of an array; an empty list if the object has no such field.

        Raises:
            DefinitionError: The value is not an array of objects.
        """
        values = self.raw.get(name, [])
        if not isinstance(values, list):
            raise self.error(name, "expected an array")
        return [self.inner(value, f"{name}[{index}]") for index, value in enumerate(values)]

    def optional_object(self, name: str) -> DefinitionFields | None:
        """Return an object; None if the object has no such field."""
        value = self.raw.get(name)
        return None if value is None else self.inner(value, name)

    def condition(self) -> str | bool:
        """Return the condition of a JSONata rule: a text, or a literal.

        Raises:
            DefinitionError: The field is missing or neither.
        """
        value = self.raw.get("Condition")
        if isinstance(value, bool):
            return value
        text = self.text("Condition")
        self.checked("Condition")
        return text

    def checked(self, name: str) -> Json:
        """Return the value of a field whose JSONata expressions compile.

        Raises:
            DefinitionError: An expression is invalid.
        """
        value = self.raw[name]
        if self.is_jsonata:
            self.compiled(name, require_expressions, value)
        return value

    def mapping(self, name: str) -> Mapping[str, Json]:
        """Return a literal object; an empty one if the object has no such field."""
        nested = self.optional_object(name)
        return {} if nested is None else nested.raw

    def texts(self, name: str) -> tuple[str, ...]:
        """Return the strings of an array.

        Raises:
            DefinitionError: The value is not an array of strings.
        """
        values = self.raw.get(name)
        if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
            raise self.error(name, "expected an array of strings")
        return tuple(values)

    def path(self, name: str) -> Path | None:
        """Return a compiled path, `$` if the object has no such field; None for null."""
        value = self.raw.get(name, "$")
        return None if value is None else self.compiled_text(name, compile_path, value)

    def result_path(self) -> ReferencePath | None:
        """Return the compiled `ResultPath`, `$` if the object has no such field; None for null."""
        value = self.raw.get("ResultPath", "$")
        return None if value is None else self.compiled_text("ResultPath", compile_reference_path, value)

    def template(self, name: str) -> Template | None:
        """Return a compiled payload template; None if the object has no such field."""
        return self.compiled(name, compile_template, self.raw[name]) if name in self.raw else None

    def literal(self, name: str) -> Json | Missing:
        """Return a value; `MISSING` if the object has no such field."""
        return self.checked(name) if name in self.raw else MISSING

    def assignments(self) -> Template | Mapping[str, Json] | None:
        """Return `Assign`: a template, or in a JSONata state an object; None if the object has no such field."""
        return self.jsonata_assignments() if self.is_jsonata else self.template_assignments()

    def template_assignments(self) -> Template | None:
        """Return `Assign` of a JSONPath state; None if the object has no such field.

        Raises:
            DefinitionError: The value is not an object, or is invalid.
        """
        self.inner(self.raw.get("Assign", {}), "Assign")
        return self.template("Assign")

    def jsonata_assignments(self) -> Mapping[str, Json] | None:
        """Return `Assign` of a JSONata state; None if the object has no such field."""
        if "Assign" not in self.raw:
            return None
        self.checked("Assign")
        return self.mapping("Assign")

    def value(self, name: str, prefix: str = "") -> DynamicValue | None:
        """Return a single value: a literal, a path in the field with the suffix `Path`, or JSONata."""
        if not self.is_jsonata and f"{name}Path" in self.raw:
            return PathValue(
                f"{prefix}{name}Path", self.compiled_text(f"{name}Path", compile_path, self.raw[f"{name}Path"])
            )
        if name not in self.raw:
            return None
        value = self.checked(name)
        if self.is_jsonata and is_expression(value):
            return JsonataValue(f"{prefix}{name}", value)
        return Constant(f"{prefix}{name}", value)

    def rendered_value(self, name: str) -> DynamicValue | None:
        """Return a single value as `value` does; its path can also be an intrinsic function."""
        if self.is_jsonata or f"{name}Path" not in self.raw:
            return self.value(name)
        path = self.raw[f"{name}Path"]
        render = self.compiled(f"{name}Path", lambda text: compile_field(f"{name}Path", text), path)
        return RenderedValue(f"{name}Path", render)

    def payload(self, name: str, prefix: str = "") -> DynamicValue | None:
        """Return a payload: a template, or in a JSONata state a value with JSONata."""
        if name not in self.raw:
            return None
        if self.is_jsonata:
            return JsonataValue(f"{prefix}{name}", self.checked(name))
        return RenderedValue(f"{prefix}{name}", self.compiled(name, compile_template, self.raw[name]).render)

    def compiled_text(self, name: str, compiler: Callable[[str], T], value: Json) -> T:
        """Return what a compiler makes of a string.

        Raises:
            DefinitionError: The value is not a string, or is invalid.
        """
        if not isinstance(value, str):
            raise self.error(name, "expected a string")
        return self.compiled(name, compiler, value)

    def compiled(self, name: str, compiler: Callable[[Json], T], value: Json) -> T:
        """Return what a compiler makes of a value.

        Raises:
            DefinitionError: The value is invalid; the error names the field.
        """
        try:
            return compiler(value)
        except DefinitionError as error:
            raise self.error(name, str(error)) from error

    def inner(self, raw: Json, name: str) -> DefinitionFields:
        """Return the fields of a nested object."""
        return DefinitionFields(raw, f"{self.location}/{name}", self.language)

    def error(self, name: str, why: str) -> DefinitionError:
        """Return an error that names a field."""
        return DefinitionError(f"{self.location}/{name}: {why}")
