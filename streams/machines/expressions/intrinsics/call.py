"""Compile calls of intrinsic functions."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from headrace.streams.machines.errors import INTRINSIC_FAILURE, RUNTIME, DefinitionError, StatesError
from headrace.streams.machines.expressions.intrinsics.arguments import FailureError
from headrace.streams.machines.expressions.intrinsics.functions import FUNCTIONS, Function, template_texts
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
            StatesError: An argument's path has no value (`States.Runtime`), or an argument is invalid
                (`States.IntrinsicFailure`).
        """


@lru_cache(1024)
def compile_intrinsic(text: str) -> Intrinsic:
    """Return the compiled call.

    Raises:
        DefinitionError: The text is not a call of an intrinsic function with the right number of arguments.
    """
    return Intrinsic(text, _call(parse_call(text)))


def _call(call: IntrinsicCall) -> Evaluate:
    function = FUNCTIONS.get(call.name)
    if function is None:
        raise DefinitionError(f"The intrinsic function 'States.{call.name}' does not exist.")
    _check_count(call, function)
    arguments = [_argument(argument) for argument in call.arguments]
    if call.name == "Format":
        arguments[0] = _template(call.arguments[0])

    def evaluate(scope: Scope, entropy: Entropy) -> Json:
        values = [argument(scope, entropy) for argument in arguments]
        try:
            return function.apply(entropy, *values)
        except FailureError as error:
            cause = f"The function 'States.{call.name}' failed: {error}."
            raise StatesError(INTRINSIC_FAILURE, cause) from error
        except RecursionError as error:
            cause = f"The function 'States.{call.name}' failed: an argument is nested too deep."
            raise StatesError(INTRINSIC_FAILURE, cause) from error

    return evaluate


def _check_count(call: IntrinsicCall, function: Function) -> None:
    count = len(call.arguments)
    if count < function.fewest or (function.most is not None and count > function.most):
        most = "or more" if function.most is None else f"to {function.most}"
        expected = function.fewest if function.most == function.fewest else f"{function.fewest} {most}"
        raise DefinitionError(f"The intrinsic function 'States.{call.name}' takes {expected} arguments, not {count}.")


def _argument(argument: Argument) -> Evaluate:
    if isinstance(argument, Literal):
        return lambda _scope, _entropy: argument.value
    return _call(argument) if isinstance(argument, IntrinsicCall) else _path(argument)


def _template(argument: Argument) -> Evaluate:
    if not isinstance(argument, Literal) or not isinstance(argument.value, str):
        return _argument(argument)
    texts = template_texts(argument.escaped, r"\'{}")
    return lambda _scope, _entropy: texts


def _path(path: Path) -> Evaluate:
    def evaluate(scope: Scope, _entropy: Entropy) -> Json:
        value = path.find(scope)
        if value is MISSING:
            root = root_of(path.root, scope)
            text = compact(None if root is MISSING else root)
            cause = f"The JsonPath argument for the field '{path.text}' could not be found in the input '{text}'"
            raise StatesError(RUNTIME, cause)
        return value

    return evaluate
