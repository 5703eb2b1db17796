"""Import and export EventBridge JSON: `describe-rule` plus the `Targets` of `list-targets-by-rule`."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from headrace.connectors.sinks.registry import sink_of_arn
from headrace.streams.routing.rule import Rule


def imported(document: Mapping[str, Any], reads: Sequence[str]) -> dict[str, str]:
    """Return one rule file per target, by rule name. Raises ValueError for unsupported input."""
    pattern = document["EventPattern"]
    pattern = orjson.loads(pattern) if isinstance(pattern, str) else pattern
    targets = document.get("Targets", [])
    if not targets:
        raise ValueError("no Targets")
    base = re.sub(r"[^a-z0-9-]+", "-", str(document["Name"]).lower()).strip("-")
    names = [base] if len(targets) == 1 else [f"{base}-{number}" for number in range(1, len(targets) + 1)]
    return {
        name[-18:].lstrip("-0123456789"): _text(document, pattern, target, reads)
        for name, target in zip(names, targets, strict=True)
    }


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
        "State": "ENABLED" if rule.enabled else "DISABLED",
        **({"Description": rule.description} if rule.description else {}),
        "Targets": [target],
    }


def _text(document: Mapping[str, Any], pattern: Any, target: Mapping[str, Any], reads: Sequence[str]) -> str:
    arn = str(target["Arn"])
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
    if transformer := target.get("InputTransformer"):
        paths, template = transformer.get("InputPathsMap", {}), transformer["InputTemplate"]
        lines += ["", "[target.input]", f"paths = {_toml(paths)}", f"template = {_toml(template)}"]
    return "\n".join(lines) + "\n"


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
