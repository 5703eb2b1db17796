"""EventBridge input transformers: build the payload of a delivery from an event.

Paths define variables, and the template refers to them as `<name>`. In a JSON template a variable inside quotes is
inserted as text, one outside quotes as JSON. A missing value is inserted as an empty string.
Source: Amazon EventBridge User Guide, "Input transformation".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

MAX_PATHS = 100
MAX_TEMPLATE_LENGTH = 8192
RESERVED = ("aws.events.rule-name", "aws.events.event", "aws.events.event.json", "aws.events.event.ingestion-time")

_PLACEHOLDER = re.compile(r"<([A-Za-z0-9_.-]+)>")
_STEP = re.compile(r"\.([A-Za-z_][\w-]*)|\['([^']+)'\]|\[(\d+)\]")
_PATH = re.compile(r"\$(?:\.[A-Za-z_][\w-]*|\['[^']+'\]|\[\d+\])*")


class InvalidTemplateError(ValueError):
    """An invalid input transformer; the message has the reason."""


@dataclass(frozen=True, slots=True)
class InputTransformer:
    """Paths by name, and a template. Without a template the whole event is the payload."""

    paths: Mapping[str, str] = field(default_factory=dict)
    template: str = ""

    def __post_init__(self) -> None:
        if not isinstance(self.template, str) or len(self.template) > MAX_TEMPLATE_LENGTH:
            raise InvalidTemplateError(f"template: a string of at most {MAX_TEMPLATE_LENGTH:,} characters")
        if len(self.paths) > MAX_PATHS:
            raise InvalidTemplateError(f"paths: at most {MAX_PATHS}")
        for name, path in self.paths.items():
            if not isinstance(path, str) or not _PATH.fullmatch(path):
                raise InvalidTemplateError(f"paths.{name}: a path such as $.detail.asset.key, not {path!r}")
        if self.paths and not self.template:
            raise InvalidTemplateError("paths without a template: add a template that uses them")
        for name in _PLACEHOLDER.findall(self.template):
            if name not in self.paths and name not in RESERVED:
                known = ", ".join((*self.paths, *RESERVED))
                raise InvalidTemplateError(f"template: <{name}> has no path; there are {known}")


WHOLE = InputTransformer()


def transform(transformer: InputTransformer, event: Mapping[str, Any], rule: str) -> str:
    """Return the payload for an event."""
    if not transformer.template:
        return orjson.dumps(event).decode()
    reserved = {
        "aws.events.rule-name": rule,
        "aws.events.event": {name: value for name, value in event.items() if name != "headrace"},
        "aws.events.event.json": event,
        "aws.events.event.ingestion-time": event.get("time"),
    }
    is_json = transformer.template.lstrip()[:1] in ("{", "[", '"')

    def replacement(placeholder: re.Match[str]) -> str:
        name = placeholder[1]
        value = value_at(event, transformer.paths[name]) if name in transformer.paths else reserved[name]
        quoted = _within_quotes(transformer.template, placeholder.start())
        if is_json and not quoted:
            return "" if value is None else orjson.dumps(value).decode()
        text = "" if value is None else value if isinstance(value, str) else orjson.dumps(value).decode()
        return orjson.dumps(text).decode()[1:-1] if is_json else text

    return _PLACEHOLDER.sub(replacement, transformer.template)


def value_at(event: Any, path: str) -> Any:
    """Return the value at a path; None if there is none."""
    for name, quoted, index in _STEP.findall(path):
        if index:
            event = event[int(index)] if isinstance(event, list) and int(index) < len(event) else None
        else:
            event = event.get(name or quoted) if isinstance(event, Mapping) else None
        if event is None:
            return None
    return event


def _within_quotes(template: str, at: int) -> bool:
    """Return whether a position of a JSON template is inside a string."""
    inside = escaped = False
    for char in template[:at]:
        if escaped:
            escaped = False
        elif char == "\\":
            escaped = inside
        elif char == '"':
            inside = not inside
    return inside
