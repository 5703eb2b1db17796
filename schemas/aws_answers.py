"""Check the answers of AWS by botocore's models. The SDK passes on members of other types, nulls and huge numbers.

A checked answer fails where it is read: a missing member, and a value that its type forbids, name the operation and
the member. A member may be missing as long as no code reads it: AWS leaves out what is empty.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import datetime
from typing import Any, NoReturn

MAX_INTEGER = 2**31 - 1
MAX_LONG = 2**63 - 1

_TYPES: dict[str, type] = {"string": str, "character": str, "boolean": bool, "timestamp": datetime}
_INTEGERS = {"byte": 127, "short": 2**15 - 1, "integer": MAX_INTEGER, "long": MAX_LONG}
_DECIMALS = ("float", "double")

AnswerFailure = Callable[[str], Exception]
"""Returns the error to raise for a reason, such as `DetectLabels: Labels[0].Name is missing`."""


class AwsAnswer(dict[str, Any]):
    """A structure of an answer. Reading a member that it does not have raises the error of the caller."""

    __slots__ = ("_fail", "_path")

    def __init__(self, members: dict[str, Any], path: str, fail: AnswerFailure) -> None:
        super().__init__(members)
        self._path = path
        self._fail = fail

    def __missing__(self, name: str) -> NoReturn:
        raise self._fail(f"{self._path}{name} is missing")


def checked(answer: dict[str, Any], operation: Any, fail: AnswerFailure) -> dict[str, Any]:
    """Return an answer whose members have the types of the model of the operation, botocore's `OperationModel`.

    Raises the error that `fail` returns.
    """
    shape = operation.output_shape
    if shape is None:
        return answer
    return _structure(answer, shape, f"{operation.name}: ", fail)


def _structure(value: Any, shape: Any, path: str, fail: AnswerFailure) -> AwsAnswer:
    members = shape.members
    return AwsAnswer(
        {
            name: _value(each, members[name], f"{path}{name}", fail) if name in members else each
            for name, each in value.items()
            if each is not None
        },
        path,
        fail,
    )


def _value(value: Any, shape: Any, path: str, fail: AnswerFailure) -> Any:
    kind = shape.type_name
    match kind:
        case "structure" if getattr(shape, "is_document_type", False):
            return value
        case "structure" if isinstance(value, dict):
            return _structure(value, shape, f"{path}.", fail)
        case "list" if isinstance(value, list):
            return [_value(each, shape.member, f"{path}[{number}]", fail) for number, each in enumerate(value)]
        case "map" if isinstance(value, dict):
            return {name: _value(each, shape.value, f"{path}[{name!r:.50}]", fail) for name, each in value.items()}
        case "blob" if isinstance(value, bytes | bytearray) or hasattr(value, "read"):
            return value
    if not _is_scalar(value, kind):
        raise fail(f"{path} is not a valid {kind}: {value!r:.50}")
    return value


def _is_scalar(value: Any, kind: str) -> bool:
    if (highest := _INTEGERS.get(kind)) is not None:
        return isinstance(value, int) and not isinstance(value, bool) and -highest - 1 <= value <= highest
    if kind in _DECIMALS:
        return isinstance(value, int | float) and not isinstance(value, bool) and _is_finite(value)
    if kind not in _TYPES or not isinstance(value, _TYPES[kind]):
        return False
    return not isinstance(value, str) or value.isascii() or _is_unicode(value)


def _is_unicode(value: str) -> bool:
    """Return whether a text can be stored as UTF-8. JSON may have half of a surrogate pair."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _is_finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # an integer of more than 308 digits
        return False
