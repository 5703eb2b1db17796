"""Read the JSON of a definition: size, syntax, duplicate keys and depth.

Syntax errors are worded as Jackson, the parser of AWS, words them.
"""

from __future__ import annotations

import json
import re
from typing import Any

from headrace.streams.machines.json_syntax import syntax_error
from headrace.streams.machines.json_text import TooDeepError, read_json, repeated_name
from headrace.streams.machines.validation.findings import Report

MAX_BYTES = 1_048_576
"""Maximum of the AWS APIs CreateStateMachine and ValidateStateMachineDefinition."""
MAX_DEPTH = 500
"""Nested objects and arrays: about 120 levels of Parallel and Map states."""

_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
_QUOTED = 500
"""Characters of the source that Jackson repeats in a message."""


class _DuplicateKeyError(ValueError):
    pass


def read_document(text: str, report: Report) -> dict[str, Any] | None:
    """Parse a definition. Without an object, report why and return None."""
    size = len(text.encode("utf-8", "surrogatepass"))
    if size > MAX_BYTES:
        message = f"Definition has {size:,} bytes. The maximum is {MAX_BYTES:,} bytes."
        report.error("SCHEMA_VALIDATION_FAILED", message, None)
        return None
    document = _parse(text, report) if text.strip() else None
    if isinstance(document, dict):
        return document
    if not report.findings:
        report.error("SCHEMA_VALIDATION_FAILED", "Definition must be a valid JSON object", None)
    return None


def _parse(text: str, report: Report) -> Any:
    try:
        document = read_json(text, _unique)
        if _SURROGATE.search(text):
            json.dumps(document, ensure_ascii=False).encode()
    except json.JSONDecodeError as error:
        _report_syntax(error, report)
    except UnicodeEncodeError:
        report.error("INVALID_JSON_DESCRIPTION", "A string has a surrogate character without its pair", None)
    except TooDeepError:
        _report_depth(report)
    except ValueError as error:
        report.error("INVALID_JSON_DESCRIPTION", str(error), None)
    else:
        if not _is_deep(document):
            return document
        _report_depth(report)
    return None


def _report_depth(report: Report) -> None:
    message = f"The states are too deeply nested. The maximum is {MAX_DEPTH} levels of objects and arrays."
    report.error("TOO_DEEPLY_NESTED", message, None)


def _is_deep(document: Any) -> bool:
    """Return whether a document has more than `MAX_DEPTH` levels, without recursion."""
    level = [document]
    for _ in range(MAX_DEPTH + 1):
        level = [each for each in level if isinstance(each, dict | list)]
        if not level:
            return False
        level = [value for each in level for value in (each.values() if isinstance(each, dict) else each)]
    return True


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise _DuplicateKeyError(f"Duplicate field '{repeated_name(pairs)}'")
    return members


def _report_syntax(error: json.JSONDecodeError, report: Report) -> None:
    described = syntax_error(error)
    location = f'[Source: (String)"{_quote(error.doc)}"; {described.place(described.end)}]'
    report.error("INVALID_JSON_DESCRIPTION", f"{described.message}\n at {location}", location)


def _quote(source: str) -> str:
    rest = len(source) - _QUOTED
    return source if rest <= 0 else f"{source[:_QUOTED]}[truncated {rest} chars]"
