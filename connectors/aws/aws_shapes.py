"""Decode, validate and encode JSON by botocore's service models."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from typing import Any

from botocore.exceptions import UnknownServiceError
from botocore.loaders import Loader
from botocore.model import ListShape, MapShape, OperationNotFoundError, ServiceModel, Shape, StructureShape

_PYTHON_TYPES: dict[str, tuple[type, ...]] = {
    "structure": (dict,),
    "map": (dict,),
    "list": (list,),
    "string": (str,),
    "blob": (bytes,),
    "boolean": (bool,),
    "integer": (int,),
    "long": (int,),
    "float": (int, float),
    "double": (int, float),
    "timestamp": (datetime,),
}


_CLASSES = (
    (r"[\P{M}\p{M}]", r"[\s\S]"),
    (r"\p{L}\p{Z}\p{N}", r"\w\s"),
    (r"\p{ASCII}", r"[\x00-\x7f]"),
    (r"\P{C}", r"[^\x00-\x1f\x7f]"),
)


class MalformedRequestError(ValueError):
    """The JSON does not match the shape."""


@cache
def service_model(name: str) -> ServiceModel:
    """Return the model of a service by its botocore name (`rekognition`)."""
    return ServiceModel(_description(name), service_name=name)


def output_shape(service: str, operation: str) -> Shape | None:
    """Return the shape of an operation's output; None for an unknown service or operation, or without output."""
    try:
        return service_model(service).operation_model(operation).output_shape
    except (UnknownServiceError, OperationNotFoundError):
        return None


def is_fault(service: str, code: str) -> bool:
    """Return whether the service model marks this error as a server fault."""
    return bool(_description(service)["shapes"].get(code, {}).get("fault"))


def decode(value: Any, shape: Shape, path: str = "") -> Any:
    """Return the Python value of parsed JSON. Drops nulls and unknown members, as AWS does.

    Raises `MalformedRequestError`.
    """
    if _is_document(shape):
        return value
    match shape:
        case StructureShape():
            given = _checked(value, "structure", path)
            found = {name: given.get(wire_name(name, member)) for name, member in shape.members.items()}
            return {
                name: decode(item, shape.members[name], _join(path, name))
                for name, item in found.items()
                if item is not None
            }
        case ListShape():
            return [decode(item, shape.member, _at(path, i)) for i, item in enumerate(_checked(value, "list", path))]
        case MapShape():
            given = _checked(value, "map", path)
            return {key: decode(item, shape.value, f"{path}.{key}") for key, item in given.items()}
    return _decode_scalar(value, shape.type_name, path)


def violations(value: Any, shape: Shape, path: str = "") -> Iterator[str]:
    """Yield a message of AWS for every constraint of `shape` that `value` violates."""
    if _is_document(shape):
        return
    if not _has_type(value, shape.type_name):
        yield _broken(value, path, f"Member must be of type {shape.type_name}")
        return
    yield from _limit_violations(value, shape, path)
    match shape:
        case StructureShape():
            yield from _structure_violations(value, shape, path)
        case ListShape():
            for i, item in enumerate(value):
                yield from violations(item, shape.member, _at(path, i))
        case MapShape():
            for key, item in value.items():
                yield from violations(key, shape.key, f"{path}.key")
                yield from violations(item, shape.value, f"{path}.{key}")


def encode(value: Any, shape: Shape | None = None) -> bytes:
    """Return the JSON of a response: wire names, blobs in base64, times in seconds since 1970."""
    return json.dumps(_on_the_wire(value, shape), default=_encode_scalar, allow_nan=False).encode()


def wire_name(name: str, member: Shape) -> str:
    """Return the JSON name of a member; most REST services use other names on the wire."""
    return str(member.serialization.get("name", name))


def status(service: str, code: str) -> int:
    """Return the HTTP status of an error of a REST service."""
    shape = _description(service)["shapes"].get(code, {})
    return int(shape.get("error", {}).get("httpStatusCode", 500 if shape.get("fault") else 400))


@cache
def _description(service: str) -> Any:
    return Loader().load_service_model(service, "service-2")


def _is_document(shape: Shape) -> bool:
    """Return whether a shape is a document: any JSON, such as the input of a tool."""
    return isinstance(shape, StructureShape) and bool(shape.is_document_type)


def _on_the_wire(value: Any, shape: Shape | None) -> Any:
    if shape is None or _is_document(shape):
        return value
    match shape:
        case StructureShape():
            return {
                wire_name(name, shape.members[name]): _on_the_wire(item, shape.members[name])
                for name, item in value.items()
            }
        case ListShape():
            return [_on_the_wire(item, shape.member) for item in value]
        case MapShape():
            return {key: _on_the_wire(item, shape.value) for key, item in value.items()}
    return value


def _has_type(value: object, type_name: str) -> bool:
    if isinstance(value, bool):  # a Python bool is an int; an AWS boolean is not a number
        return type_name == "boolean"
    return isinstance(value, _PYTHON_TYPES[type_name])


def _checked(value: Any, type_name: str, path: str) -> Any:
    if not _has_type(value, type_name):
        raise MalformedRequestError(
            f"'{path or 'the request'}' cannot be read as {type_name} from a JSON {type(value).__name__}"
        )
    return value


def _decode_scalar(value: Any, type_name: str, path: str) -> Any:
    if type_name == "timestamp":
        return datetime.fromtimestamp(_checked(value, "double", path), UTC)
    if type_name != "blob":
        return _checked(value, type_name, path)
    try:
        return base64.b64decode(_checked(value, "string", path), validate=True)
    except binascii.Error as error:
        raise MalformedRequestError(f"'{path}' is not base64") from error


def _encode_scalar(value: object) -> object:
    match value:
        case bytes():
            return base64.b64encode(value).decode()
        case datetime():
            return value.timestamp()
    raise TypeError(f"no JSON form for {type(value).__name__}")


def _structure_violations(value: dict[str, Any], shape: StructureShape, path: str) -> Iterator[str]:
    for name in shape.required_members:
        if name not in value:
            yield _broken(None, _join(path, name), "Member must not be null")
    for name, item in value.items():
        if name in shape.members:
            yield from violations(item, shape.members[name], _join(path, name))
        else:
            yield _broken(item, _join(path, name), "Member is not known to the service")


def _limit_violations(value: Any, shape: Shape, path: str) -> Iterator[str]:
    limits = shape.metadata
    size, noun = (len(value), "length") if hasattr(value, "__len__") else (value, "value")
    if "min" in limits and size < limits["min"]:
        yield _broken(value, path, f"Member must have {noun} greater than or equal to {limits['min']}")
    if "max" in limits and size > limits["max"]:
        yield _broken(value, path, f"Member must have {noun} less than or equal to {limits['max']}")
    if "enum" in limits and value not in limits["enum"]:
        yield _broken(value, path, f"Member must satisfy enum value set: [{', '.join(limits['enum'])}]")
    if "pattern" in limits and not _pattern(limits["pattern"]).fullmatch(value):
        yield _broken(value, path, f"Member must satisfy regular expression pattern: {limits['pattern']}")


@cache
def _pattern(text: str) -> re.Pattern[str]:
    """Compile a pattern of a model; replaces Java's Unicode classes."""
    for theirs, ours in _CLASSES:
        text = text.replace(theirs, ours)
    return re.compile(text)


def _broken(value: Any, path: str, constraint: str) -> str:
    shown = "null" if value is None else f"'{str(value)[:64]}'"
    return f"Value {shown} at '{path}' failed to satisfy constraint: {constraint}"


def _join(path: str, member: str) -> str:
    name = member[0].lower() + member[1:]
    return f"{path}.{name}" if path else name


def _at(path: str, index: int) -> str:
    return f"{path}.{index + 1}.member"
