"""Compare an output with what a vector expects."""

from __future__ import annotations

import json
from typing import Any


def matches(expected: dict[str, Any], output: Any) -> bool:
    """Return whether the output has each expected member. Texts that are JSON are compared as JSON."""
    if not isinstance(output, dict):
        return False
    return all(name in output and _parsed(output[name]) == _parsed(value) for name, value in expected.items())


def _parsed(value: Any) -> Any:
    if isinstance(value, str) and value[:1] in ("{", "[", '"'):
        try:
            return _parsed(json.loads(value))
        except ValueError:
            return value
    if isinstance(value, dict):
        return {name: _parsed(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_parsed(item) for item in value]
    return (type(value), value) if isinstance(value, bool) else value
