"""Parse values from outside within bounds: numbers, times, header values, waits and JSON.

Brokers, AWS, HTTP peers, rules and files set these values. Every function raises `InvalidValueError` and nothing else,
and its time is linear in the size of the value.
"""

from __future__ import annotations

import re
import tomllib
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Annotated, Any, TypeVar

import msgspec
import orjson

MAX_INT = 2**63 - 1
"""The largest `long` of Avro and of Kafka, which is also the largest offset."""
MAX_WAIT_SECONDS = 1e9
"""Longer waits are treated as this one, which is about 32 years."""
MAX_JSON_BYTES = 4 * 2**20
MAX_JSON_DEPTH = 100
"""Nested objects and lists. Code that walks a value recursively needs three stack frames per level, of 1,000."""
MAX_JSON_CONTAINERS = 20_000
"""Objects and lists in one document. A notification of 1 MiB with as many S3 records as possible has 10,000."""
MAX_JSON_MEMBERS = 200_000

MAX_TOML_CHARACTERS = 20_000
MAX_TOML_DEPTH = 50
MAX_FILE_BYTES = 1_000_000
"""The size of a configuration file. Others, such as a device without an end, are not read further."""

T = TypeVar("T")
ZonedTime = Annotated[datetime, msgspec.Meta(tz=True)]
"""A time with a zone, as a member of a struct: others cannot be compared with it."""

_LONGEST_NUMBER = 32
_LONGEST_DATE = 64
_INTEGER = re.compile(r"-?[0-9]{1,19}")
_DECIMAL = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_DIGITS = re.compile(r"[0-9]+")
_BRACKET = re.compile(r"[\[\]{}]")
_DOTTED = re.compile(r"(?<![\w-])(?:[\w-]++\s*+\.\s*+){20}")
"""A dotted key of 20 parts and more, each of which is a level."""
_LONG_NUMBER = re.compile(r"(?<![0-9_])[0-9_]{301}")
"""The time of `tomllib` is quadratic in the length of a number."""
_NOT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))


class InvalidValueError(ValueError):
    """A value from outside is malformed or out of bounds. The message does not contain the value."""


def parse_int(value: str | bytes | int | None, minimum: int = 0, maximum: int = MAX_INT) -> int:
    """Parse a decimal integer from `minimum` to `maximum`. Raises `InvalidValueError`."""
    if isinstance(value, bytes):
        value = value[: _LONGEST_NUMBER + 1].decode("ascii", "replace")
    if isinstance(value, str):
        if len(value) > _LONGEST_NUMBER or not _INTEGER.fullmatch(value):
            raise InvalidValueError(f"not an integer of at most 19 digits ({len(value)} characters)")
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        raise InvalidValueError("not an integer")
    if not minimum <= value <= maximum:
        raise InvalidValueError(f"not from {minimum} to {maximum}")
    return value


def parse_float(value: object, minimum: float = 0.0, maximum: float = MAX_WAIT_SECONDS) -> float:
    """Parse a finite number, or decimal text, from `minimum` to `maximum`. Raises `InvalidValueError`."""
    if isinstance(value, str):
        if len(value) > _LONGEST_NUMBER or not _DECIMAL.fullmatch(value):
            raise InvalidValueError(f"not a decimal number of at most {_LONGEST_NUMBER} characters")
        value = float(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidValueError("not a number")
    if not minimum <= value <= maximum:  # false for NaN, and exact for integers of any size
        raise InvalidValueError(f"not from {minimum:g} to {maximum:g}")
    return float(value)


def parse_time(value: str | bytes | None) -> datetime:
    """Parse an ISO 8601 time into UTC; a time without a zone is UTC. Raises `InvalidValueError`."""
    text = parse_text(value, _LONGEST_DATE) if isinstance(value, bytes) else value
    if not isinstance(text, str) or len(text) > _LONGEST_DATE:
        raise InvalidValueError("not a time in ISO 8601")
    try:
        time = datetime.fromisoformat(text)
        if time.tzinfo is UTC:
            return time
        return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
    except (ValueError, OverflowError):
        raise InvalidValueError("not a time in ISO 8601") from None


def parse_text(value: bytes | None, max_bytes: int) -> str:
    """Decode a header value of at most `max_bytes` bytes of UTF-8. Raises `InvalidValueError`."""
    if value is None or len(value) > max_bytes:
        raise InvalidValueError(f"not a text of at most {max_bytes} bytes")
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise InvalidValueError("not UTF-8") from None


def parse_retry_after(value: str, now: datetime) -> float:
    """Parse the header Retry-After into seconds from 0 to `MAX_WAIT_SECONDS`: delay-seconds or an HTTP date.

    Source: RFC 9110, 10.2.3 and 5.6.7. Raises `InvalidValueError`.
    """
    text = value.strip(" \t") if len(value) < 1024 else ""
    if _DIGITS.fullmatch(text):
        significant = text.lstrip("0")
        return (
            min(float(significant or 0), MAX_WAIT_SECONDS) if len(significant) <= _LONGEST_NUMBER else MAX_WAIT_SECONDS
        )
    if not text or len(text) > _LONGEST_DATE:
        raise InvalidValueError("neither seconds nor an HTTP date")
    try:
        date = parsedate_to_datetime(text)
        date = date.replace(tzinfo=UTC) if date.tzinfo is None else date
        return max(0.0, min((date - now).total_seconds(), MAX_WAIT_SECONDS))
    except (ValueError, TypeError, IndexError, OverflowError):
        raise InvalidValueError("neither seconds nor an HTTP date") from None


def parse_json(document: str | bytes, max_bytes: int = MAX_JSON_BYTES, max_depth: int = MAX_JSON_DEPTH) -> Any:
    """Parse a JSON document of bounded size, depth and number of objects and lists. Raises `InvalidValueError`.

    Stricter than `json`: no NaN, no infinite numbers, no lone surrogates.
    """
    try:
        content = document.encode() if isinstance(document, str) else document
    except UnicodeEncodeError:
        raise InvalidValueError("not JSON: a lone surrogate") from None
    if len(content) > max_bytes:
        raise InvalidValueError(f"more than {max_bytes:,} bytes of JSON")
    _check_nesting(content, max_depth)
    try:
        return orjson.loads(content)
    except orjson.JSONDecodeError as error:
        raise InvalidValueError(f"not JSON: {error.msg} at character {error.pos}") from None


def parse_struct(document: str | bytes, kind: type[T], strict: bool = True) -> T:
    """Decode a JSON document into a type of msgspec, such as a struct or a tuple of structs.

    Unless `strict`, numbers may be strings. `msgspec` itself raises other errors for text that is not UTF-8 and for
    unknown members that are nested too deeply. Raises `InvalidValueError`, whose message may contain a short value.
    """
    try:
        return msgspec.json.decode(document, type=kind, strict=strict)
    except msgspec.MsgspecError as error:
        raise InvalidValueError(str(error)) from None
    except UnicodeError:
        raise InvalidValueError("not UTF-8") from None
    except RecursionError:
        raise InvalidValueError("nested too deeply") from None


def read_text_file(path: str | Path) -> str:
    """Read a configuration file of at most `MAX_FILE_BYTES` of UTF-8, without its byte order mark.

    Raises:
        InvalidValueError: The file is too large, or not UTF-8.
        OSError: The file cannot be read.
    """
    with open(path, "rb") as file:
        content = file.read(MAX_FILE_BYTES + 1)
    if len(content) > MAX_FILE_BYTES:
        raise InvalidValueError(f"larger than {MAX_FILE_BYTES:,} bytes")
    try:
        return content.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError:
        raise InvalidValueError("not UTF-8") from None


def read_toml(path: str | Path) -> dict[str, Any]:
    """Read a TOML file of bounded size and depth. Raises `InvalidValueError` and `OSError`."""
    return parse_toml(read_text_file(path), max_characters=MAX_FILE_BYTES)


def parse_toml(
    document: str, max_depth: int = MAX_TOML_DEPTH, max_characters: int = MAX_TOML_CHARACTERS
) -> dict[str, Any]:
    """Parse a TOML document of bounded size and depth. Raises `InvalidValueError`."""
    if len(document) > max_characters:
        raise InvalidValueError(f"more than {max_characters:,} characters of TOML")
    depth = deepest = 0
    for bracket in _BRACKET.findall(document):  # those in strings count as well, and are usually closed
        depth = depth + 1 if bracket in "[{" else max(0, depth - 1)
        deepest = max(deepest, depth)
    if deepest > max_depth or _DOTTED.search(document):
        raise InvalidValueError(f"nested more than {max_depth} levels deep")
    if _LONG_NUMBER.search(document):
        raise InvalidValueError("a number of more than 300 digits")
    try:
        return tomllib.loads(document)
    except (ValueError, RecursionError) as error:
        raise InvalidValueError(str(error)) from None


def _check_nesting(content: bytes, max_depth: int) -> None:
    """Raise `InvalidValueError` for a document that is nested too deeply or has too many values.

    Removes the innermost brackets `max_depth` times, with operations of `bytes` only: a loop over the characters of
    1 MiB would take 50 ms. A document that is no JSON may fail here for another reason than the parser would give.
    """
    if len(content) <= max_depth:
        return
    unescaped = content.replace(b"\\\\", b"").replace(b'\\"', b"")
    structure = b"".join(unescaped.split(b'"')[::2])
    brackets = structure.translate(None, _NOT_BRACKETS)
    if len(brackets) > 2 * MAX_JSON_CONTAINERS or structure.count(b",") > MAX_JSON_MEMBERS:
        raise InvalidValueError(f"more than {MAX_JSON_CONTAINERS:,} objects and lists, or {MAX_JSON_MEMBERS:,} values")
    for _ in range(max_depth):
        if not brackets:
            return
        brackets = brackets.replace(b"[]", b"").replace(b"{}", b"")
    if brackets:
        raise InvalidValueError(f"nested more than {max_depth} levels deep, or not JSON")
