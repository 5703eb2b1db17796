"""Rules from and to EventBridge's own JSON: that of `describe-rule` with the `Targets` of `list-targets-by-rule`."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from headrace.connectors.sinks.registry import sink_of_arn
from headrace.streams.routing.rule import Rule


def imported(said: Mapping[str, Any], reads: Sequence[str]) -> dict[str, str]:
    """Give the text of a file for each target, by the name of its rule. Raises ValueError for what has no form."""
    pattern = said["EventPattern"]
    pattern = orjson.loads(pattern) if isinstance(pattern, str) else pattern
    targets = said.get("Targets", [])
    if not targets:
        raise ValueError("it has no Targets")
    base = re.sub(r"[^a-z0-9-]+", "-", str(said["Name"]).lower()).strip("-")
    names = [base] if len(targets) == 1 else [f"{base}-{number}" for number in range(1, len(targets) + 1)]
    return {
        name[-18:].lstrip("-0123456789"): _text(said, pattern, target, reads)
        for name, target in zip(names, targets, strict=True)
    }


def exported(rules: Sequence[Rule]) -> dict[str, Any]:
    """Give rules as EventBridge has them; a target of ours that it does not know keeps its address."""
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


def _text(said: Mapping[str, Any], pattern: Any, target: Mapping[str, Any], reads: Sequence[str]) -> str:
    arn = str(target["Arn"])
    sink = sink_of_arn(arn)
    if sink is None:
        raise ValueError(f"no sink reaches {arn}")
    lines = [
        *([f"description = {_toml(said['Description'])}"] if said.get("Description") else []),
        *(["enabled = false"] if said.get("State") == "DISABLED" else []),
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
    """Write a value of JSON as TOML, which knows no null. Raises ValueError for one."""
    if value is None:
        raise ValueError("null has no form in TOML: write the rule by hand")
    if isinstance(value, Mapping):
        inside = ", ".join(f"{_toml(str(name))} = {_toml(each)}" for name, each in value.items())
        return f"{{ {inside} }}" if inside else "{}"
    if isinstance(value, list):
        return f"[{', '.join(map(_toml, value))}]"
    return json.dumps(value)
