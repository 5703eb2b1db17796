"""Parse calls of intrinsic functions.

    call        States.Name(argument, ..)
    argument    'text' | number | true | false | null | a path | a call

In a text, a backslash escapes a quote, a brace or a backslash; nothing else.
Source: Step Functions Developer Guide, "Intrinsics for JSONPath states".
"""

from __future__ import annotations

import json
import re
from typing import NamedTuple

from headrace.streams.machines.errors import DefinitionError
from headrace.streams.machines.expressions.paths.path import Path, compile_path
from headrace.streams.machines.json_types import Json

MAX_NESTING = 10


class Literal(NamedTuple):
    """A constant. `escaped` is a text with its escapes, which `States.Format` reads."""

    value: Json
    escaped: str = ""


class IntrinsicCall(NamedTuple):
    """A call: `name` is without `States.`."""

    name: str
    arguments: tuple[Argument, ...]


Argument = Literal | IntrinsicCall | Path

_NAME = re.compile(r"States\.([A-Za-z0-9]+)\s*\(\s*")
_TEXT = re.compile(r"'((?:[^'\\]|\\[\\'{}])*)'", re.DOTALL)
_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?", re.ASCII)
_CONSTANT = re.compile(r"(?:true|false|null)\b")
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_SPACE = re.compile(r"\s*")
_IN_PATH = re.compile(
    r"""=~\s*/(?:\\.|[^/\\])*/ | '(?:\\.|[^'\\])*' | "(?:\\.|[^"\\])*" | [^'"\[\](),=\\]+ | \\. | .""",
    re.VERBOSE | re.DOTALL,
)
MAX_DIGITS = 400


def parse_call(text: str) -> IntrinsicCall:
    """Return the call that a text consists of.

    Raises:
        DefinitionError: The text is not one call.
    """
    call, end = _call(text, _SPACE.match(text).end(), 1)  # type: ignore[union-attr]
    if text[end:].strip():
        raise _invalid(text, end)
    return call


def _call(text: str, position: int, nesting: int) -> tuple[IntrinsicCall, int]:
    """Return the call that starts at a position, and its end."""
    name = _NAME.match(text, position)
    if name is None:
        raise _invalid(text, position)
    if nesting > MAX_NESTING:
        raise DefinitionError(f"Intrinsic functions are nested more than {MAX_NESTING} levels deep.")
    arguments: list[Argument] = []
    position = name.end()
    while not (text.startswith(")", position) and not arguments):
        argument, position = _argument(text, position, nesting)
        arguments.append(argument)
        position = _after_space(text, position)
        if text.startswith(")", position):
            break
        if not text.startswith(",", position):
            raise _invalid(text, position)
        position = _after_space(text, position + 1)
    return IntrinsicCall(name[1], tuple(arguments)), position + 1


def _argument(text: str, position: int, nesting: int) -> tuple[Argument, int]:
    """Return the argument that starts at a position, and its end."""
    if text.startswith("$", position):
        end = _end_of_path(text, position)
        return compile_path(text[position:end].rstrip()), end
    if text.startswith("States.", position):
        return _call(text, position, nesting + 1)
    quoted = _TEXT.match(text, position)
    if quoted is not None:
        return Literal(_ESCAPED.sub(r"\1", quoted[1]), quoted[1]), quoted.end()
    constant = _CONSTANT.match(text, position) or _NUMBER.match(text, position)
    if constant is None or len(constant[0]) > MAX_DIGITS:
        raise _invalid(text, position)
    return Literal(json.loads(constant[0])), constant.end()


def _end_of_path(text: str, start: int) -> int:
    """Return the position of the comma or parenthesis after a path, past brackets, strings and patterns."""
    depth = 0
    for token in _IN_PATH.finditer(text, start):
        if depth == 0 and token[0] in (",", ")"):
            return token.start()
        depth += (token[0] in ("[", "(")) - (token[0] in ("]", ")"))
    return len(text)


def _after_space(text: str, position: int) -> int:
    match = _SPACE.match(text, position)
    return match.end() if match is not None else position


def _invalid(text: str, position: int) -> DefinitionError:
    shortened = text if len(text) <= 200 else text[:200] + "..."
    return DefinitionError(f"The intrinsic function call '{shortened}' is invalid at character {position + 1}.")
