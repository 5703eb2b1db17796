"""Import and export EventBridge JSON: `describe-rule` plus the `Targets` of `list-targets-by-rule`."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from headrace.connectors.sinks.registry import sink_names, sink_of_arn
from headrace.schemas.parsing import parse_json
from headrace.streams.routing.input_transformer import InputTransformer, InvalidTemplateError
from headrace.streams.routing.rule import Rule, read_text
from headrace.streams.routing.template import is_json, placeholders

INPUTS = ("Input", "InputPath", "InputTransformer")
"""Members of a target of which EventBridge accepts one."""
VALUE = "value"
"""The variable of an imported `InputPath`."""


def imported(document: Any, reads: Sequence[str]) -> dict[str, str]:
    """Return one rule file per target, by rule name.

    Raises:
        ValueError: Unsupported input, or input that EventBridge rejects as well.
    """
    if not isinstance(document, Mapping):
        raise ValueError("the file has no JSON object")
    pattern = _required(document, "EventPattern", (str, Mapping))
    pattern = parse_json(pattern) if isinstance(pattern, str) else pattern
    targets = document.get("Targets", [])
    if not isinstance(targets, list) or not targets or not all(isinstance(each, Mapping) for each in targets):
        raise ValueError("no Targets")
    base = re.sub(r"[^a-z0-9-]+", "-", str(_required(document, "Name", (str,))).lower()).strip("-")
    names = [base] if len(targets) == 1 else [f"{base}-{number}" for number in range(1, len(targets) + 1)]
    texts = {
        name[-18:].lstrip("-0123456789"): _text(document, pattern, target, reads)
        for name, target in zip(names, targets, strict=True)
    }
    for name, text in texts.items():
        read_text(name, text, sink_names())
    return texts


def exported(rules: Sequence[Rule]) -> dict[str, Any]:
    """Return rules in EventBridge's format. The address of a target that AWS does not know stays as it is."""
    return {"Rules": [_exported(rule) for rule in rules]}


def _exported(rule: Rule) -> dict[str, Any]:
    target: dict[str, Any] = {"Id": rule.name, "Arn": rule.target.address}
    if rule.target.input.template:
        paths, template = rule.target.input.paths, rule.target.input.template
        target["InputTransformer"] = {"InputPathsMap": dict(paths), "InputTemplate": template}
    return {
        "Name": rule.name,
        "EventPattern": json.dumps(rule.pattern),
        "State": "ENABLED" if rule.state == "enabled" else "DISABLED",
        **({"Description": rule.description} if rule.description else {}),
        "Targets": [target],
    }


def _text(document: Mapping[str, Any], pattern: Any, target: Mapping[str, Any], reads: Sequence[str]) -> str:
    arn = str(_required(target, "Arn", (str,)))
    sink = sink_of_arn(arn)
    if sink is None:
        raise ValueError(f"no sink supports {arn}")
    lines = [
        *([f"description = {_toml(document['Description'])}"] if document.get("Description") else []),
        *(["enabled = false"] if document.get("State") == "DISABLED" else []),
        f"reads = {_toml(list(reads))}",
        f"pattern = {_toml(pattern)}",
        "",
        "[target]",
        f"{sink.name} = {_toml(arn)}",
    ]
    if transformer := _transformer(target):
        template = f"template = {_toml(transformer.template)}"
        lines += ["", "[target.input]", f"paths = {_toml(transformer.paths)}", template]
    return "\n".join(lines) + "\n"


def _transformer(target: Mapping[str, Any]) -> InputTransformer | None:
    """Return the input transformer of a target, or the one that does what its `Input` or `InputPath` does."""
    given = [name for name in INPUTS if target.get(name) is not None]
    if len(given) > 1:
        raise ValueError(f"Targets: only one of {', '.join(INPUTS)}, not {' and '.join(given)}")
    try:
        match given:
            case ["Input"]:
                return _constant(_required(target, "Input", (str,)))
            case ["InputPath"]:
                return InputTransformer({VALUE: _required(target, "InputPath", (str,))}, f"<{VALUE}>")
            case ["InputTransformer"]:
                return _checked(_required(target, "InputTransformer", (Mapping,)))
    except InvalidTemplateError as error:
        raise ValueError(f"{given[0]}: {error}") from None
    return None


def _constant(text: str) -> InputTransformer:
    parse_json(text)
    if placeholders(text):
        raise ValueError("Input: a constant with <...> would become a variable: write the rule by hand")
    return InputTransformer({}, text)


def _checked(transformer: Mapping[str, Any]) -> InputTransformer:
    """Check what EventBridge checks: the template is JSON, and each of its variables has a path."""
    template, paths = _required(transformer, "InputTemplate", (str,)), transformer.get("InputPathsMap") or {}
    if not isinstance(paths, Mapping):
        raise ValueError("InputTransformer: InputPathsMap is not an object")
    parsed = InputTransformer(dict(paths), template)
    if not template or not is_json(template):
        raise ValueError("InputTransformer: InputTemplate is not JSON: put quotes around text")
    return parsed


def _required(members: Mapping[str, Any], name: str, kinds: tuple[type, ...]) -> Any:
    value = members.get(name)
    if not isinstance(value, kinds):
        raise ValueError(f"{name} is missing or of the wrong type")
    return value


def _toml(value: Any) -> str:
    """Return a JSON value as TOML. Raises ValueError for null, which TOML does not have."""
    if value is None:
        raise ValueError("TOML has no null: write the rule by hand")
    if isinstance(value, Mapping):
        items = ", ".join(f"{_toml(str(name))} = {_toml(each)}" for name, each in value.items())
        return f"{{ {items} }}" if items else "{}"
    if isinstance(value, list):
        return f"[{', '.join(map(_toml, value))}]"
    return json.dumps(value)
