"""The 18 intrinsic functions, with their numbers of arguments.

Source: Step Functions Developer Guide, "Intrinsics for JSONPath states".
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

from headrace.streams.machines.expressions.intrinsics import arrays
from headrace.streams.machines.expressions.intrinsics.arguments import (
    FailureError,
    bounded_text,
    object_of,
    rounded,
    seed_of,
    sum_of,
    text_of,
    truncated,
)
from headrace.streams.machines.expressions.intrinsics.java_text import java_text
from headrace.streams.machines.expressions.java_random import JavaRandom
from headrace.streams.machines.expressions.scope import Entropy
from headrace.streams.machines.json_syntax import syntax_error
from headrace.streams.machines.json_text import compact
from headrace.streams.machines.json_types import Json

ALGORITHMS = {"MD5": "md5", "SHA-1": "sha1", "SHA-256": "sha256", "SHA-384": "sha384", "SHA-512": "sha512"}
_NO_BASE64 = re.compile(r"[^A-Za-z0-9+/_-]")
_URL_SAFE = str.maketrans("-_", "+/")
_SOURCE = "REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled)"


class Function(NamedTuple):
    """An intrinsic function: `apply` receives the time and random numbers, then the arguments."""

    apply: Callable[..., Json]
    fewest: int
    most: int | None
    """Maximum number of arguments; None for any number."""


def _pure(apply: Callable[..., Json], fewest: int, most: int | None = None) -> Function:
    """Return a function whose result depends on its arguments only."""
    return Function(lambda _entropy, *arguments: apply(*arguments), fewest, most if most is not None else fewest)


def encode_base64(value: Json) -> Json:
    """Return the Base64 text of a string in UTF-8."""
    return base64.b64encode(bounded_text(value).encode("utf-8", "surrogatepass")).decode()


def decode_base64(value: Json) -> Json:
    """Return the string whose UTF-8 is in a Base64 text, as Apache Commons Codec decodes it.

    Characters outside the alphabet are skipped, and padding ends the text. Bytes that are not UTF-8 become replacement
    characters.
    """
    digits = _NO_BASE64.sub("", bounded_text(value).partition("=")[0])
    if len(digits) % 4 == 1:
        digits = digits[:-1]
    standard = digits.translate(_URL_SAFE)
    return base64.b64decode(standard + "=" * (-len(digits) % 4)).decode("utf-8", "replace")


def hashed(value: Json, algorithm: Json) -> Json:
    """Return the hash of a value's text in UTF-8, in lower-case hexadecimal."""
    if value is None or not isinstance(algorithm, str) or algorithm not in ALGORITHMS:
        raise FailureError
    return digest(bounded_text(java_text(value)), algorithm)


def digest(text: str, algorithm: str) -> str:
    """Return the hash of a text in UTF-8, in lower-case hexadecimal."""
    data = text.encode("utf-8", "surrogatepass")
    return hashlib.new(ALGORITHMS[algorithm], data, usedforsecurity=False).hexdigest()


def merged(first: Json, second: Json, deep: Json) -> Json:
    """Return an object with the members of both; those of the second win. Deep merging does not exist."""
    if deep is True:
        raise FailureError
    return {**object_of(first), **object_of(second)}


def parsed(value: Json) -> Json:
    """Return the value of a JSON text; null for a blank one."""
    text = text_of(value)
    if not text.strip():
        return None
    try:
        return json.loads(text, parse_constant=_reject)
    except json.JSONDecodeError as error:
        raise FailureError(
            f"Cannot convert String to Json in States.StringToJson, caused by: {_reason(error)}"
        ) from error
    except (ValueError, RecursionError) as error:
        raise FailureError from error


def _reject(name: str) -> Json:
    raise ValueError(f"{name} is not JSON")


def _reason(error: json.JSONDecodeError) -> str:
    described = syntax_error(error)
    inside = ""
    if described.opened is not None:
        kind = "Object" if described.text[described.opened] == "{" else "Array"
        start = f"start marker at [Source: {_SOURCE}; {described.place(described.opened)}]"
        inside = f": expected close marker for {kind} ({start})"
    return f"{described.message}{inside}\n at [Source: {_SOURCE}; {described.place(described.at)}]"


def random_integer(entropy: Entropy, start: Json, end: Json, *seed: Json) -> Json:
    """Return an integer, at least `start` and below `end`; the same one for the same seed."""
    lowest, bound = truncated(start), truncated(end)
    if not 0 < bound - lowest < 1 << 31:
        raise FailureError
    if not seed:
        return entropy.integer(lowest, bound)
    return lowest + JavaRandom(seed_of(seed[0])).next_int(bound - lowest)


def added(first: Json, second: Json) -> Json:
    """Return the sum of both numbers, each rounded first."""
    return sum_of(rounded(first), rounded(second))


def split(value: Json, delimiters: Json) -> Json:
    """Return the non-empty parts of a string between any of the delimiter characters."""
    text, characters = text_of(value), text_of(delimiters)
    if not characters:
        return [text] if text else []
    return [part for part in re.split(f"[{re.escape(characters)}]", text) if part]


def formatted(template: Json, *values: Json) -> Json:
    """Return the template with each `{}` replaced by the next value.

    A template of the definition arrives as the tuple of the texts between its placeholders.
    """
    texts = template if isinstance(template, tuple) else template_texts(text_of(template), "{}")
    if len(texts) - 1 != len(values):
        raise FailureError(
            "Invalid arguments in States.Format: number of arguments do not match the occurrences of {}."
        )
    return texts[0] + "".join(java_text(value) + text for value, text in zip(values, texts[1:], strict=True))


def template_texts(template: str, escapable: str) -> tuple[str, ...]:
    """Return the texts between the placeholders; a backslash makes an escapable character literal.

    Raises:
        FailureError: A brace has no other one.
    """
    texts = [""]
    for part in re.split(rf"(\{{\}}|\\[{re.escape(escapable)}]|[{{}}])", template):
        if part == "{}":
            texts.append("")
        elif part in ("{", "}"):
            missing = "}" if part == "{" else "{"
            raise FailureError(f"Invalid template in States.Format: matching '{missing}' not found for '{part}'.")
        else:
            texts[-1] += part[1:] if len(part) == 2 and part[0] == "\\" else part
    return tuple(texts)


FUNCTIONS: Mapping[str, Function] = {
    "Array": Function(lambda _entropy, *values: list(values), 0, None),
    "ArrayPartition": _pure(arrays.partition, 2),
    "ArrayContains": _pure(arrays.contains, 2),
    "ArrayRange": _pure(arrays.number_range, 3),
    "ArrayGetItem": _pure(arrays.item, 2),
    "ArrayLength": _pure(arrays.length, 1),
    "ArrayUnique": _pure(arrays.unique, 1),
    "Base64Encode": _pure(encode_base64, 1),
    "Base64Decode": _pure(decode_base64, 1),
    "Format": Function(lambda _entropy, *arguments: formatted(*arguments), 1, None),
    "Hash": _pure(hashed, 2),
    "JsonMerge": _pure(merged, 3),
    "JsonToString": _pure(compact, 1),
    "MathAdd": _pure(added, 2),
    "MathRandom": Function(random_integer, 2, 3),
    "StringSplit": _pure(split, 2),
    "StringToJson": _pure(parsed, 1),
    "UUID": Function(lambda entropy, *_ignored: entropy.uuid(), 0, None),
}
"""The functions by name, without `States.`."""
