"""Payload templates: objects whose fields with names in `.$` are paths or intrinsic functions.

`{"name.$": "$.user.name"}` becomes `{"name": ..}`. Objects inside arrays are templates too; strings in arrays are
literal.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from headrace.streams.machines.errors import RUNTIME, DefinitionError, StatesError
from headrace.streams.machines.expressions.intrinsics.call import compile_intrinsic
from headrace.streams.machines.expressions.paths.path import Path, compile_path
from headrace.streams.machines.expressions.paths.reference import root_of
from headrace.streams.machines.expressions.scope import MISSING, Entropy, Scope
from headrace.streams.machines.json_text import compact
from headrace.streams.machines.json_types import Json

MAX_DEPTH = 200
SUFFIX = ".$"

Render = Callable[[Scope, Entropy], Json]


class Template:
    """A compiled payload template."""

    __slots__ = ("render",)

    def __init__(self, render: Render) -> None:
        self.render = render
        """Return the payload. Parts without expressions are shared between payloads, so a payload is never changed.

        Raises:
            StatesError: A path has no value, or an intrinsic function fails.
        """


def compile_template(value: Json) -> Template:
    """Return the compiled template.

    Raises:
        DefinitionError: A path or an intrinsic function is invalid, or the template is nested too deep.
    """
    render = _renderer(value, 0)
    return Template(render if render is not None else lambda _scope, _entropy: value)


def _renderer(value: Json, depth: int) -> Render | None:
    """Return what renders a value; None for a value without expressions."""
    if depth > MAX_DEPTH:
        raise DefinitionError(f"The payload template is nested more than {MAX_DEPTH} levels deep.")
    if isinstance(value, dict):
        return _object(value, depth)
    return _array(value, depth) if isinstance(value, list) else None


def _object(template: dict[str, Json], depth: int) -> Render | None:
    """Return what renders an object: first the literal fields are copied, then the others are set in their order."""
    fields: list[tuple[str, Render]] = []
    payload: dict[str, Json] = {}
    for name, value in template.items():
        key = name.removesuffix(SUFFIX)
        render = _renderer(value, depth + 1) if key == name else compile_field(name, value)
        if key in payload:
            raise DefinitionError(f"Cannot have both the field '{key}{SUFFIX}' and the field '{key}' at the same time")
        payload[key] = value
        if render is not None:
            fields.append((key, render))
    if not fields:
        return None

    def render_object(scope: Scope, entropy: Entropy) -> Json:
        result = payload.copy()
        for key, render in fields:
            result[key] = render(scope, entropy)
        return result

    return render_object


def _array(template: list[Json], depth: int) -> Render | None:
    elements = [(index, _renderer(value, depth + 1)) for index, value in enumerate(template)]
    renderers = [(index, render) for index, render in elements if render is not None]
    if not renderers:
        return None

    def render_array(scope: Scope, entropy: Entropy) -> Json:
        result = template.copy()
        for index, render in renderers:
            result[index] = render(scope, entropy)
        return result

    return render_array


def compile_field(name: str, value: Json) -> Render:
    """Return what evaluates the value of a field whose name ends in `.$`.

    Raises:
        DefinitionError: The value is neither a path nor an intrinsic function.
    """
    if isinstance(value, str) and value.startswith("$"):
        path = compile_path(value)

        def render_path(scope: Scope, _entropy: Entropy) -> Json:
            result = path.find(scope)
            if result is MISSING:
                raise _not_found(path, name, scope)
            return result

        return render_path
    if isinstance(value, str) and value.lstrip().startswith("States."):
        return compile_intrinsic(value).evaluate
    raise DefinitionError(
        f"The value for the field '{name}' must be a valid JSONPath or a valid intrinsic function call"
    )


def _not_found(path: Path, name: str, scope: Scope) -> StatesError:
    root: Any = root_of(path.root, scope)
    text = compact(None if root is MISSING else root)
    cause = f"The JSONPath '{path.text}' specified for the field '{name}' could not be found in the input '{text}'"
    return StatesError(RUNTIME, cause)
