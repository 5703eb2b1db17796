"""Compiled fields of a state: single values, and how the state moves data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from headrace.streams.machines.expressions.paths.path import Path, ReferencePath
from headrace.streams.machines.expressions.scope import Missing
from headrace.streams.machines.expressions.template import Render, Template
from headrace.streams.machines.json_types import Json


@dataclass(frozen=True, slots=True)
class Constant:
    """A field with a literal value."""

    field: str
    value: Json


@dataclass(frozen=True, slots=True)
class PathValue:
    """A field with a path, such as `SecondsPath`."""

    field: str
    path: Path


@dataclass(frozen=True, slots=True)
class RenderedValue:
    """A field with a path or an intrinsic function, such as `ErrorPath`, or with a payload template."""

    field: str
    render: Render


@dataclass(frozen=True, slots=True)
class JsonataValue:
    """A field whose value holds JSONata: `{% .. %}`, or objects and arrays of such strings."""

    field: str
    value: Json


DynamicValue: TypeAlias = Constant | PathValue | RenderedValue | JsonataValue


@dataclass(frozen=True, slots=True)
class PathFields:
    """How a JSONPath state moves data. Without `input_path` or `output_path` the data is `{}`."""

    input_path: Path | None
    parameters: Template | None
    result_selector: Template | None
    result_path: ReferencePath | None
    """Where the result goes in the state's input; None discards it."""
    output_path: Path | None
    assign: Template | None


@dataclass(frozen=True, slots=True)
class JsonataFields:
    """How a JSONata state moves data. `MISSING` is a field that the definition does not have."""

    arguments: Json | Missing
    output: Json | Missing
    assign: Mapping[str, Json] | None


DataFields: TypeAlias = PathFields | JsonataFields
