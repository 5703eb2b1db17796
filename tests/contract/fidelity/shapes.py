"""Compare a recorded answer with one of the local AWS: fields, types, and the values that are the same everywhere."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any, Literal

Values = Literal["fixed", "all", "none"]
"""Which values are compared: those of fixed fields, all, or none; fields and types are compared always."""

_EXACT = """
Code Message ErrorCode ErrorMessage QueryErrorCode Condition ArgumentName ArgumentValue HTTPStatusCode
SenderFault FailedEntryCount eventName eventSource eventVersion s3SchemaVersion version detail-type source
reason deletion-type Type Subject SignatureVersion TranscriptionJobStatus FailureReason LanguageCode
OutputLocationType State FunctionError condition functionError errorMessage errorType DataType StringValue
Value type Content-Type User-Agent X-Amz-Sns-Message-Type Result ApproximateReceiveCount
"""
EXACT = frozenset(_EXACT.split())
"""Fields whose values are compared, apart from placeholders. Other values differ from run to run."""

IGNORED = frozenset(("HTTPHeaders", "RequestId", "RetryAttempts", "HostId", "MessageRaw", "_normalized"))
"""Members that the recording tool or the SDK adds."""

PLACEHOLDER = re.compile(r"<[a-z0-9-]+(?::\d+)?>|\b1{12}\b|\bdate\b")
UNIQUE = re.compile(r"fidelity-[0-9a-f]{32}")
ABSENT = object()
SHOWN_CHARACTERS = 160


def differences(recorded: Any, actual: Any, values: Values = "fixed") -> list[str]:
    """Return how an answer differs from the recorded one, each difference once."""
    return list(dict.fromkeys(_differences(_parsed(recorded), _parsed(actual), "", values)))


def _differences(recorded: Any, actual: Any, path: str, values: Values) -> Iterator[str]:
    if actual is None and isinstance(recorded, dict) and "Error" in str(recorded):
        yield "accepts what AWS rejects"
    elif isinstance(recorded, dict) and isinstance(actual, dict):
        for name in sorted({*recorded, *actual} - IGNORED):
            yield from _member(
                recorded.get(name, ABSENT), actual.get(name, ABSENT), f"{path}.{name}".lstrip("."), values
            )
    elif isinstance(recorded, list) and isinstance(actual, list):
        yield from _items(recorded, actual, path, values)
    elif _kind(recorded) != _kind(actual):
        yield f"{path}: {_kind(actual)} instead of {_kind(recorded)}"
    elif _is_compared(path, values) and not _equal(recorded, actual):
        yield f"{path}: {_shown(actual)} instead of {_shown(recorded)}"


def _is_compared(path: str, values: Values) -> bool:
    return values == "all" or (values == "fixed" and path.rpartition(".")[2].removesuffix("[]") in EXACT)


def _member(recorded: Any, actual: Any, path: str, values: Values) -> Iterator[str]:
    if actual is ABSENT:
        yield f"{path}: missing"
    elif recorded is ABSENT:
        yield f"{path}: additional"
    else:
        yield from _differences(recorded, actual, path, values)


def _items(recorded: list[Any], actual: list[Any], path: str, values: Values) -> Iterator[str]:
    if values == "none":
        recorded, actual = _merged(recorded), _merged(actual)
    if len(recorded) != len(actual):
        yield f"{path}: {len(actual)} items instead of {len(recorded)}"
    for mine, theirs in zip(sorted(recorded, key=_order), sorted(actual, key=_order), strict=False):
        yield from _differences(mine, theirs, f"{path}[]", values)


def _merged(items: list[Any]) -> list[Any]:
    """Return one item with the members of all, where the items are objects."""
    if not all(isinstance(item, dict) for item in items):
        return items[:1]
    return [{name: value for item in items for name, value in item.items()}] if items else []


def _order(item: Any) -> str:
    """Return a key that sorts equal items of both lists alike: no list of an answer has a promised order."""
    return json.dumps(list(_exact_values(item)))


def _exact_values(item: Any, name: str = "") -> Iterator[str]:
    if isinstance(item, dict):
        for key in sorted(item):
            yield from _exact_values(item[key], key)
    elif isinstance(item, list):
        for each in item:
            yield from _exact_values(each, name)
    elif name in EXACT:
        yield str(item)


def _parsed(value: Any) -> Any:
    """Parse JSON in strings, as the recording tool did."""
    if isinstance(value, dict):
        return {name: _parsed(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_parsed(item) for item in value]
    if isinstance(value, str) and value[:1] in ("{", "["):
        try:
            return _parsed(json.loads(value))
        except ValueError:
            return value
    return value


def _kind(value: Any) -> str:
    if isinstance(value, bool | type(None)):
        return "null" if value is None else "boolean"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, str | datetime | bytes):  # the recording has a placeholder for a time
        return "string"
    return "object" if isinstance(value, dict) else "list"


def _equal(recorded: Any, actual: Any) -> bool:
    if not isinstance(recorded, str):
        return bool(recorded == actual)
    literal = [re.escape(part) for part in PLACEHOLDER.split(recorded)]
    return re.fullmatch(".*".join(literal), str(actual), re.DOTALL) is not None


def _shown(value: Any) -> str:
    text = UNIQUE.sub("<name>", json.dumps(value, default=str))
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}..."
