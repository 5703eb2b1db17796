"""Compile expressions with jsonata-python, and evaluate them within bounds."""

from __future__ import annotations

import math
import re
import threading
from collections.abc import Mapping
from functools import cache
from typing import Any

from headrace.streams.machines.errors import DefinitionError
from headrace.streams.machines.expressions.jsonata.bounds import Bounds
from headrace.streams.machines.expressions.jsonata.errors import (
    STACK,
    TIMEOUT,
    EvaluationError,
    bound_error,
    coded_error,
    signature_error,
)
from headrace.streams.machines.expressions.jsonata.functions import ADDED, AddedFunction, milliseconds_of
from headrace.streams.machines.expressions.jsonata.guards import GUARDS
from headrace.streams.machines.expressions.jsonata.regex import JsonataPattern
from headrace.streams.machines.expressions.jsonata.replacements import REPLACEMENTS
from headrace.streams.machines.expressions.jsonata.vendor import classes, library
from headrace.streams.machines.expressions.patterns import PatternTimeoutError
from headrace.streams.machines.expressions.scope import Entropy
from headrace.streams.machines.json_text import compact

MAX_EXPRESSION = 50_000
MIN_WORDS = 20
_REPETITIONS = re.compile(r"\)\s*<[^<>{}]*(?:\+[^<>{}]*){4}")
"""A signature that the library would match in exponential time."""

_SURROGATES = re.compile(r"(?<!\\)((?:\\\\)*)\\u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})")

ELEMENT_TYPES = {"a": "arrays", "b": "booleans", "f": "functions", "n": "numbers", "o": "objects", "s": "strings"}


def compile_text(text: str) -> Any:
    """Return the library's compiled expression.

    Raises:
        DefinitionError: The text is not an expression.
    """
    loaded = library()
    if len(text) > MAX_EXPRESSION:
        raise DefinitionError(f"The expression has more than {MAX_EXPRESSION} characters")
    if _REPETITIONS.search(text):
        raise DefinitionError("A function signature repeats more than 3 parameters")
    try:
        compiled = loaded.Jsonata(_SURROGATES.sub(_character, text), _pattern)
    except loaded.jexception.JException as error:
        raise DefinitionError(message_of(error)) from error
    except DefinitionError:
        raise
    except RecursionError as error:
        raise DefinitionError("The expression is nested too deep") from error
    except (RuntimeError, ValueError, IndexError, TypeError, AttributeError, KeyError, OverflowError) as error:
        # The parser has no message of its own for these; all are faults of the text.
        raise DefinitionError("Syntax error") from error
    compiled.environment.bindings.update(functions())
    compiled.set_output_convert_nulls(False)
    compiled.set_validate_input(False)
    return compiled


def _character(escapes: re.Match[str]) -> str:
    """Return the character of two escaped surrogates, which the parser leaves apart."""
    pair = bytes.fromhex(escapes[2] + escapes[3])
    return escapes[1] + pair.decode("utf-16-be")


def _pattern(pattern: str, flags: Any) -> JsonataPattern:
    return JsonataPattern(pattern, ignore_case=flags.case_insensitive, multiline=flags.multiline)


def null() -> Any:
    """Return the library's null. Its undefined is None."""
    return library().utils.Utils.NULL_VALUE


def evaluate(compiled: Any, values: Mapping[str, Any], entropy: Entropy, document: Any = None) -> Any:
    """Return the result of an expression; `values` are its variables, `document` is `$`, which AWS leaves undefined.

    Raises:
        EvaluationError: The evaluation fails, or exceeds a bound.
    """
    loaded, bounds = library(), Bounds()
    frame = compiled.create_frame()
    frame.set_evaluate_entry_callback(bounds.enter)
    frame.set_evaluate_exit_callback(bounds.leave)
    frame.bindings.update(values)
    _transition.entropy = entropy
    try:
        return compiled.evaluate(document, frame)
    except loaded.jexception.JException as error:
        if error.error == "Unexpected" and error.__context__ is not None:
            raise _translated(error.__context__) from error
        if error.error == "D1001" and bounds.depth == 1 and isinstance(error.current, float):
            return error.current
        raise _coded(error) from error
    except ZeroDivisionError as error:
        if bounds.depth == 1 and compiled.ast.type == "binary":
            return _divided_by_zero(compiled.eval(compiled.ast.lhs, None, frame))
        raise coded_error("D1001", "Number out of range: null") from error
    except EvaluationError:
        raise
    except Exception as error:
        raise _translated(error) from error


def _translated(error: BaseException) -> EvaluationError:
    """Return the error for what Python raised in the library: each one is a failure of the expression.

    The right side of `and` and `or` hides it behind an error of its own.
    """
    if isinstance(error, EvaluationError):
        return error
    if isinstance(error, library().jexception.JException):
        hidden = error.__context__ if error.error == "Unexpected" else None
        return _coded(error) if hidden is None else _translated(hidden)
    if isinstance(error, RecursionError):
        return bound_error(STACK)
    if isinstance(error, PatternTimeoutError):
        return bound_error(TIMEOUT)
    if isinstance(error, DefinitionError):
        return EvaluationError(f": {error}")
    code = _code_of(str(error))
    if code is not None:
        return coded_error(code, str(error))
    return EvaluationError(f": {type(error).__name__}: {error}"[:500])


def _divided_by_zero(dividend: float) -> float:
    """Return the quotient of a division that is the whole expression: AWS returns an infinite number."""
    return math.copysign(math.inf, dividend) if dividend else math.nan


def _coded(error: Any) -> EvaluationError:
    code = str(error.error)
    if _CODE.fullmatch(code):
        return coded_error(code, message_of(error))
    found = _code_of(code)
    return EvaluationError(f": {code}") if found is None else coded_error(found, code)


def _code_of(message: str) -> str | None:
    """Return the code of a message that the library raises without one."""
    for code, template in library().jexception.JException.error_codes.items():
        words = template.partition("{{")[0].replace("Object", "function").replace('"', "'")
        if len(words) > MIN_WORDS and message.replace('"', "'").startswith(words):
            return str(code)
    return None


_CODE = re.compile(r"[A-Z]\d{4}")
_FIELD = re.compile(r"\{\{\{(\w+)\}\}\}|\{\{(\w+)\}\}")


def message_of(error: Any) -> str:
    """Return the message of a library's error as jsonata-js words it, without the code."""
    template = error.error_codes.get(error.error)
    if template is None:
        return str(error)
    arguments = iter([error.current, error.expected, error.extra])
    if error.error == "T0412":
        arguments = iter([error.current, error.expected, ELEMENT_TYPES.get(error.extra, error.extra)])

    def value(field: re.Match[str]) -> str:
        argument = next(arguments, None)
        return str(argument) if field[1] else _quoted(argument)

    return _FIELD.sub(value, template.replace("Object", "function"))


def _quoted(value: Any) -> str:
    try:
        return compact(value)
    except TypeError:  # a function, or the library's null
        return "null"


class _Transition(threading.local):
    """The time and random numbers of the evaluation in this thread."""

    entropy: Entropy


_transition = _Transition()


@cache
def functions() -> dict[str, Any]:
    """Return the functions that replace those of the library; None removes one."""
    static = library().Jsonata.static_frame
    added = {name: _added(name, function) for name, function in ADDED.items()}
    guarded = {name: classes().Guarded(static.lookup(name), guard) for name, guard in GUARDS.items()}
    replaced = {name: classes().Replaced(static.lookup(name), function) for name, function in REPLACEMENTS.items()}
    return {**added, **guarded, **replaced, "now": _added("now", AddedFunction(_now, 2)), "eval": None}


def _added(name: str, function: AddedFunction) -> Any:
    def call(*arguments: Any) -> Any:
        given = arguments[: function.arity]
        if any(argument is not None for argument in arguments[function.arity :]):
            raise signature_error(name, function.arity + 1)
        return function.apply(_transition.entropy, *given, *[None] * (function.arity - len(given)))

    return classes().Added(call, function.arity)


def _now(entropy: Entropy, picture: Any, zone: Any) -> Any:
    return library().functions.Functions.datetime_from_millis(milliseconds_of(entropy.now), picture, zone)
