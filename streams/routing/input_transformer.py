"""EventBridge input transformers: build the payload of a delivery from an event.

Paths define variables, and the template refers to them as `<name>`. A template is JSON if it is valid JSON once each
variable outside quotes is replaced by null; any other template is text, which EventBridge does not have.

    outside quotes          the value as JSON; "" where the path leads nowhere
    in a quoted template    text; objects and lists without their quotes
    in quotes within JSON   strings escaped; objects and lists as JSON, which the quotes make invalid

Source: Amazon EventBridge User Guide, "Input transformation", and recorded answers of EventBridge.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import orjson

from headrace.streams.routing.event_path import InvalidPathError, check_path, values_at
from headrace.streams.routing.template import is_json, is_json_sequence, placeholders, segments

MAX_PATHS = 100
MAX_TEMPLATE_LENGTH = 8192
MAX_PAYLOAD = 2**20
"""Characters of a payload; no target accepts more bytes. A template can insert an event many times."""
RESERVED = (
    "aws.events.rule-arn",
    "aws.events.rule-name",
    "aws.events.event",
    "aws.events.event.json",
    "aws.events.event.ingestion-time",
)

_NAME = re.compile(r"[A-Za-z0-9_-]{1,256}")
_QUOTES = re.compile(r'(\\\\)|\\?"')
"""Quotes, escaped or not; escaped backslashes stay."""


class _Missing:
    """The value of a path that leads nowhere."""


MISSING: Final = _Missing()


class InvalidTemplateError(ValueError):
    """An invalid input transformer; the message has the reason."""


class InvalidPayloadError(ValueError):
    """An event makes the template no JSON, or too large; the message has the reason."""


class RuleContext(NamedTuple):
    """What a template can insert besides the event: the rule, its ARN, and when the event was received (RFC 3339)."""

    name: str
    arn: str = ""
    ingested_at: str = ""


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
            _check_variable(name, path)
        if self.paths and not self.template:
            raise InvalidTemplateError("paths without a template: add a template that uses them")
        for name in placeholders(self.template):
            if name not in self.paths and name not in RESERVED:
                known = ", ".join((*self.paths, *RESERVED))
                raise InvalidTemplateError(f"template: <{name}> has no path; there are {known}")
        if self.template.lstrip()[:1] in ("{", "[") and not is_json(self.template):
            raise InvalidTemplateError("template: not JSON, even with null for each variable outside quotes")


WHOLE = InputTransformer()


def transform(transformer: InputTransformer, event: Mapping[str, Any], rule: RuleContext) -> str:
    """Return the payload for an event. Raises `InvalidPayloadError`."""
    if not transformer.template:
        return _joined((_as_json(event),))
    json_template = is_json(transformer.template)
    values = {name: _value(name, transformer, event, rule) for name in set(placeholders(transformer.template))}
    payload = _joined(_pieces(transformer.template, values, json_template))
    if json_template and _must_be_checked(transformer.template, values) and not is_json_sequence(payload):
        raise InvalidPayloadError("an object or a list inside quotes makes the template no JSON")
    return payload


def _check_variable(name: str, path: object) -> None:
    if not isinstance(name, str) or not _NAME.fullmatch(name) or name.upper().startswith("AWS"):
        raise InvalidTemplateError(
            f"paths: {name!r} is not a name of at most 256 letters, digits, hyphens and underscores that does not "
            "begin with AWS"
        )
    try:
        check_path(path)
    except InvalidPathError as error:
        raise InvalidTemplateError(f"paths.{name}: {error}") from None


def _value(name: str, transformer: InputTransformer, event: Mapping[str, Any], rule: RuleContext) -> Any:
    match name:
        case "aws.events.rule-arn":
            return rule.arn
        case "aws.events.rule-name":
            return rule.name
        case "aws.events.event.ingestion-time":
            return rule.ingested_at or event.get("time", MISSING)
        case "aws.events.event":
            return _without_detail(event)
        case "aws.events.event.json":
            return event
    return _at(event, transformer.paths[name])


def _without_detail(event: Mapping[str, Any]) -> dict[str, Any]:
    """Return an event as `<aws.events.event>` inserts it: without `detail`, and with the key `detailType`."""
    names = {"detail-type": "detailType"}
    return {names.get(name, name): value for name, value in event.items() if name not in ("detail", "headrace")}


def _at(event: Any, path: str) -> Any:
    found = values_at(event, path)
    if found is None:
        return MISSING
    return list(found.values) if found.is_list else found.values[0]


def _pieces(template: str, values: Mapping[str, Any], json_template: bool) -> Iterator[str]:
    in_object = json_template and template.lstrip()[:1] != '"'
    for part in segments(template):
        yield part.text
        if part.variable:
            value = values[part.variable]
            if json_template and not part.quoted:
                yield _as_json("" if value is MISSING else value)
            else:
                yield _as_text(value, escape=json_template, keep_quotes=in_object)


def _as_text(value: Any, escape: bool, keep_quotes: bool) -> str:
    if value is MISSING:
        return ""
    if isinstance(value, str):
        return _as_json(value)[1:-1] if escape else value
    text = _as_json(value)
    return text if keep_quotes else _QUOTES.sub(lambda match: match[1] or "", text)


def _as_json(value: Any) -> str:
    try:
        return orjson.dumps(value).decode()
    except TypeError as error:  # nested more than 254 levels
        raise InvalidPayloadError(str(error)) from None


def _joined(pieces: Iterator[str] | tuple[str, ...]) -> str:
    """Join the pieces of a payload. Raises `InvalidPayloadError` as soon as they are too large."""
    parts, size = [], 0
    for piece in pieces:
        size += len(piece)
        if size > MAX_PAYLOAD:
            raise InvalidPayloadError(f"the payload has more than {MAX_PAYLOAD:,} characters")
        parts.append(piece)
    return "".join(parts)


def _must_be_checked(template: str, values: Mapping[str, Any]) -> bool:
    """Whether a value can make a JSON template invalid: an object or a list inside quotes."""
    quoted = (values[part.variable] for part in segments(template) if part.quoted)
    return template.lstrip()[:1] != '"' and any(isinstance(value, dict | list) for value in quoted)
