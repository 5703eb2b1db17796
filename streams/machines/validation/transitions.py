"""Checks of the graph of a machine, branch or item processor: targets, unreachable states, terminal states."""

from __future__ import annotations

from collections.abc import Iterator

from headrace.streams.machines.validation.node import Node


def check_transitions(machine: Node) -> None:
    """Check that each target exists, a transition leads to each state, and a state ends the machine."""
    states = machine.value.get("States")
    if not isinstance(states, dict):
        return
    targets = _check_targets(machine, states)
    if not any(_is_terminal(state) for state in states.values()):
        location = None if machine.location == "/" else machine.location
        machine.setting.report.error("MISSING_END_STATE", "Workflow has no terminal state", location)
        return
    for name in states if isinstance(machine.value.get("StartAt"), str) else ():
        if name not in targets:
            state = machine.child("States").child(name)
            state.error(f'State "{name}" is not reachable.', "MISSING_TRANSITION_TARGET")


def _check_targets(machine: Node, states: dict[str, object]) -> set[str]:
    """Report targets that do not exist, and return all targets. AWS calls the field Next at each position."""
    targets = [target for name in states for target in transitions(machine.child("States").child(name))]
    if isinstance(machine.value.get("StartAt"), str):
        targets.insert(0, machine.child("StartAt"))
    for target in targets:
        if target.value not in states:
            target.error(f"Missing 'Next' target: {target.value}", "MISSING_TRANSITION_TARGET")
    return {target.value for target in targets}


def transitions(state: Node) -> Iterator[Node]:
    """Yield the names of the states that can follow a state, each with its location."""
    if not isinstance(state.value, dict):
        return
    for name in ("Next", "Choices", "Default", "Catch"):
        value = state.value.get(name)
        if isinstance(value, str):
            yield state.child(name)
        elif isinstance(value, list):
            for item in state.child(name).items():
                if isinstance(item.value, dict) and isinstance(item.value.get("Next"), str):
                    yield item.child("Next")


def _is_terminal(state: object) -> bool:
    if not isinstance(state, dict) or "Type" not in state:
        return False
    return state.get("End") is True or state["Type"] in ("Succeed", "Fail")
