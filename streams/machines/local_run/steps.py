"""The states that a run went through, with the input and the output of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from headrace.streams.machines.execution.events import HistoryEvent
from headrace.streams.machines.json_types import Json

_ENTERED = "StateEntered"
_EXITED = "StateExited"
_FAILURES = ("Failed", "TimedOut")


@dataclass(slots=True)
class RunStep:
    """One visit of a state. `level` is the number of Parallel and Map states around it; `errors` those of attempts."""

    state: str
    type: str
    level: int
    input: Json
    output: Json = None
    exited: bool = False
    errors: list[dict[str, Json]] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """Return the step, without an output if the state has failed."""
        members = {"state": self.state, "type": self.type, "level": self.level, "input": self.input}
        ending = {"output": self.output} if self.exited else {}
        return {**members, **ending, **({"errors": self.errors} if self.errors else {})}


def steps_of(events: Sequence[HistoryEvent]) -> list[RunStep]:
    """Return the visits of states, in the order in which they began.

    An event belongs to the innermost state that was open when the event before it in its branch happened.
    """
    steps: list[RunStep] = []
    parents: dict[int, RunStep | None] = {}
    owners: dict[int, RunStep | None] = {}
    for event in events:
        owner = owners.get(event.previous)
        if event.type.endswith(_ENTERED):
            parent = parents[id(owner)] if owner is not None and owner.exited else owner
            kind = event.type.removesuffix(_ENTERED)
            level = 0 if parent is None else parent.level + 1
            owner = RunStep(str(event.details["name"]), kind, level, event.details.get("input"))
            parents[id(owner)] = parent
            steps.append(owner)
        elif event.type.endswith(_EXITED):
            while owner is not None and (owner.exited or owner.state != event.details["name"]):
                owner = parents[id(owner)]
            if owner is not None:
                owner.output, owner.exited = event.details.get("output"), True
        elif owner is not None and event.type.endswith(_FAILURES) and "name" not in event.details:
            error = {name: event.details[name] for name in ("error", "cause") if name in event.details}
            if error and not owner.exited and error not in owner.errors[-1:]:
                owner.errors.append(error)
        owners[event.id] = owner
    return steps
