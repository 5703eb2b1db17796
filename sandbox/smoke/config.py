"""The pipeline file of a smoke test: that of the user, without some stages, and with the ceiling as its budget."""

from __future__ import annotations

import json
from typing import Any

from headrace.schemas.parsing import read_toml

EXCLUDED = {
    "face-search": "it would store faces in a collection",
    "machines": "it runs no sample file",
    "machine-tasks": "it runs no sample file",
}
"""Stages that a smoke test does not run, with the reason."""


def smoke_pipeline(path: str, ceiling: float) -> str:
    """Return a pipeline file whose budget for an object and for a day is the ceiling in US dollars.

    Raises:
        OSError: the file of the user cannot be read.
        InvalidValueError: it is not TOML, or too large. Other errors are found when the result is loaded.
    """
    tables: dict[str, Any] = read_toml(path) if path else {}
    stages = dict(tables.get("stages", {}))
    for name in EXCLUDED:
        if name in stages:
            stages[name] = {"on": False}
    lines = [f"[stages.{json.dumps(name)}]\n{_body(settings)}" for name, settings in stages.items()]
    return "\n".join((*lines, f"[budget]\n{_body({'asset': ceiling, 'day': ceiling})}"))


def _body(settings: dict[str, Any]) -> str:
    return "".join(f"{json.dumps(name)} = {_value(value)}\n" for name, value in settings.items())


def _value(value: Any) -> str:
    """Return a value as TOML, whose strings, numbers and booleans are those of JSON."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{json.dumps(name)} = {_value(each)}" for name, each in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(_value, value)) + "]"
    return json.dumps(value)
