"""Whether an unsuccessful execution can continue with another definition, and what differs where it failed."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from headrace.console.views.queries.execution_states import StateVisit

DefinitionDocument = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class CompatibilityFinding:
    """A state in which an execution continues. `problem` is why it cannot; `changes` are fields that differ."""

    state: str
    problem: str = ""
    changes: tuple[str, ...] = ()


def compare(
    visits: Sequence[StateVisit], old: DefinitionDocument, new: DefinitionDocument
) -> list[CompatibilityFinding]:
    """Return a finding for each state that runs again, in their order."""
    by_event = {visit.entered: visit for visit in visits}
    open_visits = [visit for visit in visits if visit.status != "succeeded" and _is_open(visit, by_event)]
    findings: dict[tuple[str, ...], CompatibilityFinding] = {}
    for visit in open_visits:
        path = _path(visit, by_event)
        findings.setdefault(path, _finding(path, state_at(old, path), state_at(new, path)))
    return list(findings.values())


def state_at(definition: DefinitionDocument, path: Sequence[str]) -> Mapping[str, Any] | None:
    """Return the state at a path of names, outermost first; None if the definition has none."""
    machines: list[DefinitionDocument] = [definition]
    state: Mapping[str, Any] | None = None
    for name in path:
        state = next((own for each in machines if (own := each.get("States", {}).get(name)) is not None), None)
        if state is None:
            return None
        inner = [*state.get("Branches", ()), state.get("ItemProcessor"), state.get("Iterator")]
        machines = [each for each in inner if each]
    return state


def _finding(
    path: tuple[str, ...], old: Mapping[str, Any] | None, new: Mapping[str, Any] | None
) -> CompatibilityFinding:
    name = " > ".join(path)
    if new is None:
        return CompatibilityFinding(name, "the new definition has no such state at this place")
    kinds = (old or {}).get("Type"), new.get("Type")
    if old is not None and kinds[0] != kinds[1] and {"Map", "Parallel"} & set(kinds):
        return CompatibilityFinding(name, f"its type changes from {kinds[0]} to {kinds[1]}")
    fields = sorted({*(old or {}), *new})
    changes = tuple(field for field in fields if _text((old or {}).get(field)) != _text(new.get(field)))
    return CompatibilityFinding(name, "", changes)


def _is_open(visit: StateVisit, by_event: Mapping[int, StateVisit]) -> bool:
    """Whether all states around a visit are unfinished too: otherwise it was part of an earlier attempt."""
    while visit.parent:
        visit = by_event[visit.parent]
        if visit.status == "succeeded":
            return False
    return True


def _path(visit: StateVisit, by_event: Mapping[int, StateVisit]) -> tuple[str, ...]:
    names = [visit.state]
    while visit.parent:
        visit = by_event[visit.parent]
        names.append(visit.state)
    return tuple(reversed(names))


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True)
