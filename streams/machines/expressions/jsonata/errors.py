"""Why the evaluation of an expression fails."""

from __future__ import annotations

from headrace.streams.machines.json_text import compact
from headrace.streams.machines.json_types import Json

MEMORY = "Expression evaluation memory limit exceeded: Check for excessive memory usage"
STACK = "Stack overflow error: Check for non-terminating recursive function. Consider rewriting as tail-recursive"
TIMEOUT = "Expression evaluation timeout: Check for infinite loop"


class EvaluationError(Exception):
    """An evaluation fails. `text` is what AWS writes after "threw an error during evaluation"."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


def bound_error(message: str) -> EvaluationError:
    """Return the error of an exceeded bound."""
    return EvaluationError(f": {message}")


def coded_error(code: str, message: str) -> EvaluationError:
    """Return an error with a code of JSONata."""
    return EvaluationError(f". {code}: {message}")


def signature_error(function: str, argument: int) -> EvaluationError:
    """Return the error of an argument of a wrong type; arguments are counted from 1."""
    return coded_error(
        "T0410", f"Argument {argument} of function {compact(function)} does not match function signature"
    )


def not_a_number(value: Json) -> EvaluationError:
    """Return the error of a value that `$number` cannot convert."""
    return coded_error("D3030", f"Unable to cast value to a number: {compact(value)}")
