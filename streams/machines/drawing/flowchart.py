"""The graph of a definition: states, transitions with their labels, and the machines inside Parallel and Map."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from headrace.streams.machines.drawing.rule_text import rule_text
from headrace.streams.machines.drawing.text_size import cut

TransitionKind = Literal["next", "choice", "default", "catch"]
MAX_LEVELS = 30
"""Machines nested deeper are not drawn."""
MAX_LABEL = 48


@dataclass(frozen=True, slots=True)
class Transition:
    """A way from one state to another; the label is a condition or the names of errors."""

    source: str
    target: str
    kind: TransitionKind
    label: str = ""


@dataclass(frozen=True, slots=True)
class FlowState:
    """A state: its type, what it does in a few words, and the machines inside it with their titles."""

    name: str
    type: str
    detail: str
    ends: bool
    inner: tuple[tuple[str, Flowchart], ...]


@dataclass(frozen=True, slots=True)
class Flowchart:
    """States and transitions of one machine, branch or item processor."""

    start: str
    states: tuple[FlowState, ...]
    transitions: tuple[Transition, ...]


def flowchart(definition: dict[str, Any], level: int = 0) -> Flowchart:
    """Read the graph of a definition. What is no state, and transitions without target, are left out."""
    members = definition.get("States")
    members = members if isinstance(members, dict) else {}
    states = {name: state for name, state in members.items() if isinstance(state, dict)}
    transitions = (each for name, state in states.items() for each in _transitions(name, state))
    return Flowchart(
        str(definition.get("StartAt", "")),
        tuple(_state(name, state, level) for name, state in states.items()),
        tuple(each for each in transitions if each.target in states),
    )


def _state(name: str, state: dict[str, Any], level: int) -> FlowState:
    kind = str(state.get("Type", ""))
    ends = state.get("End") is True or kind in ("Succeed", "Fail")
    inner = tuple(_inner(state, level + 1)) if level < MAX_LEVELS else ()
    return FlowState(name, kind, _detail(kind, state), ends, inner)


def _inner(state: dict[str, Any], level: int) -> Iterator[tuple[str, Flowchart]]:
    branches = state.get("Branches")
    if isinstance(branches, list):
        for number, branch in enumerate(branches, 1):
            if isinstance(branch, dict):
                yield f"Branch {number}", flowchart(branch, level)
    processor = state.get("ItemProcessor", state.get("Iterator"))
    if isinstance(processor, dict):
        config = processor.get("ProcessorConfig")
        distributed = isinstance(config, dict) and config.get("Mode") == "DISTRIBUTED"
        yield "For each item, distributed" if distributed else "For each item", flowchart(processor, level)


def _detail(kind: str, state: dict[str, Any]) -> str:
    if kind == "Task":
        resource = str(state.get("Resource", ""))
        separator = ":::" if ":::" in resource else ":"
        return resource.rpartition(separator)[2] if resource.startswith("arn:") else resource
    if kind == "Wait":
        for field, unit in (("Seconds", " s"), ("SecondsPath", " s"), ("Timestamp", ""), ("TimestampPath", "")):
            if field in state:
                return f"{state[field]}{unit}"
    return str(state.get("Error", state.get("ErrorPath", ""))) if kind == "Fail" else ""


def _transitions(name: str, state: dict[str, Any]) -> Iterator[Transition]:
    for rule in _objects(state.get("Choices")):
        yield Transition(name, str(rule.get("Next")), "choice", cut(rule_text(rule), MAX_LABEL))
    if isinstance(state.get("Default"), str):
        yield Transition(name, state["Default"], "default", "default")
    if isinstance(state.get("Next"), str):
        yield Transition(name, state["Next"], "next")
    for catcher in _objects(state.get("Catch")):
        errors = catcher.get("ErrorEquals")
        names = ", ".join(map(str, errors)) if isinstance(errors, list) else ""
        yield Transition(name, str(catcher.get("Next")), "catch", cut(names, MAX_LABEL))


def _objects(value: object) -> list[dict[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []
