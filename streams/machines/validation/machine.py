"""Check a machine and the machines inside it: branches and item processors."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from headrace.streams.machines.validation.maps import PROCESSOR_CONFIG
from headrace.streams.machines.validation.node import FieldRule, Node, NodeCheck, ObjectFields, QueryLanguage
from headrace.streams.machines.validation.states import check_state
from headrace.streams.machines.validation.transitions import check_transitions
from headrace.streams.machines.validation.values import EMPTY, MAX_SECONDS, anything, integer_from, one_of, text

MAX_STATES = 10_000
MAX_STATE_NAME = 80

_LANGUAGES = ("JSONPath", "JSONata")
_STATES = {
    "States": FieldRule(anything, required=True),
    "StartAt": FieldRule(text, required=True),
    "Comment": FieldRule(text),
}
_TOP = ObjectFields(
    {
        **_STATES,
        "Version": FieldRule(text),
        "TimeoutSeconds": FieldRule(integer_from(1, MAX_SECONDS)),
        "QueryLanguage": FieldRule(one_of(*_LANGUAGES)),
    }
)
_BRANCH = ObjectFields(_STATES)
_PROCESSOR = ObjectFields({**_STATES, "ProcessorConfig": FieldRule(PROCESSOR_CONFIG)})


def check_machine(machine: Node) -> None:
    """Check a whole machine, without recursion: the states of branches may be nested deeply."""
    language = query_language(machine.value.get("QueryLanguage", "JSONPath"))
    top = replace(machine, setting=replace(machine.setting, language=language))
    names: set[str] = set()
    labels: set[str] = set()
    pending: list[tuple[Node, NodeCheck]] = [(top, _TOP)]
    while pending and not top.setting.report.full:
        inner, schema = pending.pop()
        schema(inner)
        if not isinstance(inner.value, dict):
            continue
        nested = []
        for name, state in _states(inner):
            _check_name(name, state, names)
            check_state(_with_language(state, top.setting.language))
            _check_label(state, labels)
            nested += _machines_inside(state)
        check_transitions(inner)
        pending += reversed(nested)


def query_language(value: object) -> QueryLanguage:
    """Return the language that a value of QueryLanguage selects. Invalid values select JSONata, as in AWS."""
    return "JSONPath" if value == "JSONPath" else "JSONata"


def _states(machine: Node) -> Iterator[tuple[str, Node]]:
    states = machine.value.get("States")
    if "States" not in machine.value:
        return
    if not isinstance(states, dict):
        machine.child("States").error("Expected value of type Object")
    elif not states:
        machine.child("States").error(EMPTY)
    else:
        for name in states:
            state = machine.child("States").child(name)
            if isinstance(state.value, dict):
                yield name, state
            else:
                state.error("Expected value of type Object")


def _check_name(name: str, state: Node, names: set[str]) -> None:
    if len(name) > MAX_STATE_NAME or not name:
        state.error(f"State name must have 1 to {MAX_STATE_NAME} characters", "INVALID_STATE_NAME")
    if name in names:
        state.error(f"Duplicate State name: {name}", "DUPLICATE_STATE_NAME")
    names.add(name)
    if len(names) == MAX_STATES + 1:
        state.error(f"Definition has more than {MAX_STATES:,} states")


def _with_language(state: Node, machine: QueryLanguage) -> Node:
    """Return the state with its query language; that of the machine if it has none of its own."""
    if "QueryLanguage" not in state.value:
        return state
    own = state.child("QueryLanguage")
    one_of(*_LANGUAGES)(own)
    if machine == "JSONata" and own.value == "JSONPath":
        state.error("'QueryLanguage' can not be 'JSONPath' if set to 'JSONata' for whole state machine")
    return replace(state, setting=replace(state.setting, language=query_language(own.value)))


def _check_label(state: Node, labels: set[str]) -> None:
    label = state.value.get("Label")
    if isinstance(label, str):
        if label in labels:
            state.child("Label").error(f"Duplicate Label: {label}", "DUPLICATE_LABEL_NAME")
        labels.add(label)


def _machines_inside(state: Node) -> list[tuple[Node, NodeCheck]]:
    """Return the branches and the item processor of a state, with the fields that they may have."""
    machines: list[tuple[Node, NodeCheck]] = []
    if state.value.get("Type") == "Parallel" and isinstance(state.value.get("Branches"), list):
        machines += [(branch, _BRANCH) for branch in state.child("Branches").items()]
    if state.value.get("Type") == "Map":
        machines += [(state.child(name), _PROCESSOR) for name in ("ItemProcessor", "Iterator") if name in state.value]
    return machines
