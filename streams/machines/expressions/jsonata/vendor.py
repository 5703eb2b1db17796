"""Load jsonata-python, and change what must not happen in a process that does other work too.

The import happens at first use: it sets the recursion limit of the process, which is restored. The library prints, for
example when a value is called that is not a function; standard output belongs to commands. It finds the type of an
argument slowly, element by element, so that a check of a long array would exceed the time bound.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import cache
from typing import Any

from headrace.streams.machines.expressions.jsonata.guards import Guard
from headrace.streams.machines.expressions.jsonata.regex import JsonataPattern

SYMBOLS = {str: "s", bool: "b", int: "n", float: "n", list: "a", dict: "o", type(None): "m"}
"""The letters of types in signatures."""


@cache
def library() -> Any:
    """Return the library's module."""
    limit = sys.getrecursionlimit()
    import jsonata.jsonata as loaded
    from jsonata import signature

    sys.setrecursionlimit(limit)
    for module in (loaded, signature):
        module.print = lambda *_arguments: None
    symbols = {**SYMBOLS, loaded.utils.Utils.NULL_VALUE.__class__: "l"}
    slow = signature.Signature.get_symbol
    signature.Signature.get_symbol = lambda self, value: symbols.get(value.__class__) or slow(self, value)
    return loaded


def is_function(value: Any) -> bool:
    """Return whether a value of the library is a function or a regular expression."""
    loaded = library()
    return isinstance(value, (loaded.Jsonata.JFunctionCallable, loaded.parser.Parser.Symbol, JsonataPattern))


class Classes:
    """The classes of bound functions."""

    Added: Any
    Guarded: Any
    Replaced: Any


@cache
def classes() -> Classes:
    """Return the classes, which extend those of the library and so exist after its import."""
    loaded = library()
    callable_class = loaded.Jsonata.JFunctionCallable
    native_class = loaded.Jsonata.JNativeFunction

    class Added(loaded.Jsonata.JFunction):  # type: ignore[misc, name-defined]
        """A function of this package. Its signature takes one argument more, which the function itself refuses."""

        def __init__(self, function: Callable[..., Any], arity: int) -> None:
            super().__init__(callable_class(), f"<{'x?' * (arity + 1)}:x>")
            self._function = function

        def call(self, _input: Any, arguments: Any) -> Any:
            return self._function(*(arguments or ()))

    class Guarded(native_class):  # type: ignore[misc, valid-type]
        """A function of the library behind its guard."""

        def __init__(self, native: Any, guard: Guard) -> None:
            self.__dict__.update(native.__dict__)
            self._guard = guard

        def call(self, context: Any, arguments: Any) -> Any:
            self._guard.check(*arguments)
            if self._guard.instead is not None:
                result = self._guard.instead(*arguments)
                if result is not NotImplemented:
                    return result
            try:
                return super().call(context, arguments)
            except (ValueError, TypeError, OverflowError, ArithmeticError):
                return self._guard.failed(*arguments)

    class Replaced(native_class):  # type: ignore[misc, valid-type]
        """A function with a signature of the library; the function may leave a call to the library."""

        def __init__(self, native: Any, function: Callable[..., Any]) -> None:
            self.__dict__.update(native.__dict__)
            self._function = function

        def call(self, context: Any, arguments: Any) -> Any:
            result = self._function(*arguments, *[None] * (self.nargs - len(arguments)))
            return super().call(context, arguments) if result is NotImplemented else result

    result = Classes()
    result.Added, result.Guarded, result.Replaced = Added, Guarded, Replaced
    return result
