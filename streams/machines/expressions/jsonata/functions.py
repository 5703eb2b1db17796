"""The six functions that AWS adds to JSONata, and those whose results must repeat with the seed of a transition.

Arguments are values of the library; None is an absent argument. A result of None is undefined.
Sources: Step Functions Developer Guide, "Transforming data with JSONata"; measured on AWS: floci-io/floci issue 2662.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from headrace.streams.machines.expressions.intrinsics.arrays import distinct
from headrace.streams.machines.expressions.intrinsics.functions import ALGORITHMS, digest
from headrace.streams.machines.expressions.java_random import JavaRandom
from headrace.streams.machines.expressions.jsonata.bounds import SCALAR_BYTES, check_count
from headrace.streams.machines.expressions.jsonata.errors import EvaluationError, coded_error, signature_error
from headrace.streams.machines.expressions.scope import Entropy


class AddedFunction(NamedTuple):
    """A function: `apply` receives the time and random numbers, then `arity` arguments."""

    apply: Callable[..., Any]
    arity: int


def truncated(value: Any, function: str, argument: int) -> int:
    """Return a number without its fraction, as AWS rounds arguments.

    Raises:
        EvaluationError: The value is not a finite number.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise signature_error(function, argument)
    return int(value)


def partition(_entropy: Entropy, values: Any, size: Any) -> Any:
    """Return an array of arrays of at most `size` elements."""
    if values is None or values == []:
        return None
    if not isinstance(values, list):
        raise coded_error("T0412", 'Argument 1 of function "partition" must be an array of undefined')
    elements = list(values)
    if size is None:
        return [elements]
    length = truncated(size, "partition", 2)
    if length < 0:
        raise coded_error("D3137", "Second argument must be zero or greater")
    if length == 0:
        return None
    return [elements[start : start + length] for start in range(0, len(elements), length)]


def number_range(_entropy: Entropy, start: Any, end: Any, step: Any) -> Any:
    """Return the integers from `start` to `end`, both included; a single one without its array."""
    first, last = truncated(start, "range", 1), truncated(end, "range", 2)
    if step is None:
        return None
    increment = truncated(step, "range", 3)
    if increment == 0:
        return None
    numbers = range(first, last + (1 if increment > 0 else -1), increment)
    check_count(((last - first) // increment + 1) * SCALAR_BYTES)
    return numbers[0] if len(numbers) == 1 else list(numbers) or None


def hashed(_entropy: Entropy, value: Any, algorithm: Any) -> Any:
    """Return the hash of a string in UTF-8, in lower-case hexadecimal."""
    if not isinstance(value, str):
        raise signature_error("hash", 1)
    if algorithm is None:
        return None
    if not isinstance(algorithm, str):
        raise signature_error("hash", 2)
    if algorithm not in ALGORITHMS:
        names = "SHA-1, SHA-384, SHA-256, SHA-512, MD5"
        raise coded_error("D3137", f"Hash algorithm '{algorithm}' must be one of {names}")
    return digest(value, algorithm)


def random_number(entropy: Entropy, seed: Any) -> Any:
    """Return a number, at least 0 and below 1; the same one for the same seed."""
    if seed is None:
        return entropy.fraction()
    return JavaRandom(truncated(seed, "random", 1)).next_double()


def random_uuid(entropy: Entropy) -> Any:
    """Return a UUID of version 4."""
    return entropy.uuid()


def parsed(_entropy: Entropy, text: Any) -> Any:
    """Return the value of a JSON text, which has no repeated names and nothing after the value."""
    if text is None:
        return None
    if not isinstance(text, str):
        raise signature_error("parse", 1)
    try:
        return json.loads(text, object_pairs_hook=_unique, parse_constant=_reject, parse_float=_finite)
    except (ValueError, RecursionError) as error:
        raise coded_error("D3137", "Invalid JSON") from error


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("a name is repeated")
    return value


def _reject(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text} is out of range")
    return value


def milliseconds(entropy: Entropy) -> Any:
    """Return the milliseconds since 1970 of the transition's time."""
    return milliseconds_of(entropy.now)


def milliseconds_of(time: datetime) -> int:
    """Return the milliseconds since 1970 of a time."""
    return math.floor(time.timestamp() * 1000 + 0.0005)


def shuffled(entropy: Entropy, values: Any) -> Any:
    """Return the elements in random order."""
    if not isinstance(values, list):
        return values
    result = list(values)
    for last in range(len(result) - 1, 0, -1):
        position = entropy.integer(0, last + 1)
        result[last], result[position] = result[position], result[last]
    return result


def without_repetitions(_entropy: Entropy, values: Any) -> Any:
    """Return the elements without repetitions, in their first order."""
    if not isinstance(values, list):
        return values
    try:
        return distinct(values)
    except (RecursionError, TypeError) as error:
        raise EvaluationError(": The elements cannot be compared") from error


ADDED: Mapping[str, AddedFunction] = {
    "partition": AddedFunction(partition, 2),
    "range": AddedFunction(number_range, 3),
    "hash": AddedFunction(hashed, 2),
    "random": AddedFunction(random_number, 1),
    "uuid": AddedFunction(random_uuid, 0),
    "parse": AddedFunction(parsed, 1),
    "millis": AddedFunction(milliseconds, 0),
    "shuffle": AddedFunction(shuffled, 1),
    "distinct": AddedFunction(without_repetitions, 1),
}
"""Functions that replace or extend those of the library, by name."""
