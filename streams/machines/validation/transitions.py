"""Checks of the graph of one machine, branch or item processor: targets, reachable states, terminal states."""

from __future__ import annotations

from collections.abc import Iterator

from headrace.streams.machines.validation.node import Node


def check_transitions(machine: Node) -> None:
    """Check that each target exists, each state can be reached, and a state ends the machine."""
    states = machine.value.get("States")
    if not isinstance(states, dict) or not states:
        return
    targets = _check_targets(machine, states)
    if not any(_is_terminal(state) for state in states.values()):
        location = None if machine.location == "/" else machine.location
        machine.setting.report.error("MISSING_END_STATE", "Workflow has no terminal state", location)
        return
    start = machine.value.get("StartAt")
    if isinstance(start, str) and start in states:
        reachable = _reachable(start, targets)
        for name in states:
            if name not in reachable:
                machine.child("States").child(name).error(
                    f'State "{name}" is not reachable.', "MISSING_TRANSITION_TARGET"
                )


def _check_targets(machine: Node, states: dict[str, object]) -> dict[str, list[str]]:
    """Report targets that do not exist, and return those that do by state."""
    start = machine.value.get("StartAt")
    if isinstance(start, str) and start not in states:
        machine.child("StartAt").error(f"Missing 'StartAt' target: {start}", "MISSING_TRANSITION_TARGET")
    existing: dict[str, list[str]] = {}
    for name in states:
        existing[name] = []
        for target in transitions(machine.child("States").child(name)):
            if target.value in states:
                existing[name].append(target.value)
            else:
                field = target.location.rpartition("/")[2]
                target.error(f"Missing '{field}' target: {target.value}", "MISSING_TRANSITION_TARGET")
    return existing


def transitions(state: Node) -> Iterator[Node]:
    """Yield the names of the states that can follow a state, each with its location."""
    if not isinstance(state.value, dict):
        return
    for name in ("Next", "Default"):
        if isinstance(state.value.get(name), str):
            yield state.child(name)
    for name in ("Choices", "Catch"):
        if isinstance(state.value.get(name), list):
            for item in state.child(name).items():
                if isinstance(item.value, dict) and isinstance(item.value.get("Next"), str):
                    yield item.child("Next")


def _is_terminal(state: object) -> bool:
    return isinstance(state, dict) and (state.get("End") is True or state.get("Type") in ("Succeed", "Fail"))


def _reachable(start: str, targets: dict[str, list[str]]) -> set[str]:
    reached, pending = {start}, [start]
    while pending:
        for target in targets[pending.pop()]:
            if target not in reached:
                reached.add(target)
                pending.append(target)
    return reached
