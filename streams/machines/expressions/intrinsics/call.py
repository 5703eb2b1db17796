"""Compile calls of intrinsic functions."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from headrace.streams.machines.errors import RUNTIME, DefinitionError, StatesError
from headrace.streams.machines.expressions.intrinsics.arguments import FailureError
from headrace.streams.machines.expressions.intrinsics.functions import FUNCTIONS, template_texts
from headrace.streams.machines.expressions.intrinsics.parse import Argument, IntrinsicCall, Literal, parse_call
from headrace.streams.machines.expressions.paths.path import Path
from headrace.streams.machines.expressions.paths.reference import root_of
from headrace.streams.machines.expressions.scope import MISSING, Entropy, Scope
from headrace.streams.machines.json_text import compact
from headrace.streams.machines.json_types import Json

Evaluate = Callable[[Scope, Entropy], Json]


class Intrinsic:
    """A compiled call."""

    __slots__ = ("evaluate", "text")

    def __init__(self, text: str, evaluate: Evaluate) -> None:
        self.text = text
        self.evaluate = evaluate
        """Return the result.

        Raises:
            StatesError: An argument's path has no value, or an argument is invalid.
        """


class _MissingError(Exception):
    """A path has no value; the message says which."""


@lru_cache(1024)
def compile_intrinsic(text: str) -> Intrinsic:
    """Return the compiled call. As on AWS, a wrong number of arguments fails when the function is called.

    Raises:
        DefinitionError: The text is not a call of an intrinsic function.
    """
    call, written = _call(parse_call(text)), text.strip()

    def evaluate(scope: Scope, entropy: Entropy) -> Json:
        try:
            return call(scope, entropy)
        except FailureError as error:
            cause = f"There was an error while evaluating the intrinsic function: {written}. {error}"
            raise StatesError(RUNTIME, cause) from error
        except _MissingError as error:
            raise StatesError(RUNTIME, f"The function '{written}' had the following error: {error}") from error

    return Intrinsic(text, evaluate)


def _call(call: IntrinsicCall) -> Evaluate:
    function = FUNCTIONS.get(call.name)
    if function is None:
        raise DefinitionError(f"The intrinsic function 'States.{call.name}' does not exist.")
    arguments = [_argument(argument) for argument in call.arguments]
    if call.name == "Format" and arguments:
        arguments[0] = _template(call.arguments[0])
    accepted = len(arguments) >= function.fewest and (function.most is None or len(arguments) <= function.most)
    invalid = f"Invalid arguments in States.{call.name}"

    def evaluate(scope: Scope, entropy: Entropy) -> Json:
        values = [argument(scope, entropy) for argument in arguments]
        try:
            if accepted:
                return function.apply(entropy, *values)
        except FailureError as error:
            raise FailureError(str(error) or invalid) from error
        except RecursionError as error:
            raise FailureError(invalid) from error
        raise FailureError(invalid)

    return evaluate


def _argument(argument: Argument) -> Evaluate:
    if isinstance(argument, Literal):
        return lambda _scope, _entropy: argument.value
    return _call(argument) if isinstance(argument, IntrinsicCall) else _path(argument)


def _template(argument: Argument) -> Evaluate:
    if not isinstance(argument, Literal) or not isinstance(argument.value, str):
        return _argument(argument)
    escaped = argument.escaped
    try:
        texts = template_texts(escaped, r"\'{}")
    except FailureError:
        return lambda _scope, _entropy: template_texts(escaped, r"\'{}")
    return lambda _scope, _entropy: texts


def _path(path: Path) -> Evaluate:
    def evaluate(scope: Scope, _entropy: Entropy) -> Json:
        value = path.find(scope)
        if value is MISSING:
            root = root_of(path.root, scope)
            text = compact(None if root is MISSING else root)
            raise _MissingError(
                f"The JsonPath argument for the field '{path.text}' could not be found in the input '{text}'"
            )
        return value

    return evaluate
