"""Check a machine and the machines inside it: branches and item processors."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

from headrace.streams.machines.validation.expressions import assignments_of
from headrace.streams.machines.validation.maps import PROCESSOR_CONFIG, is_distributed
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


class InnerMachine(NamedTuple):
    """A machine to check: its fields, and the variables of the machines around it."""

    node: Node
    schema: NodeCheck
    outer: frozenset[str] = frozenset()


def check_machine(machine: Node) -> None:
    """Check a whole machine, without recursion: the states of branches may be nested deeply."""
    language = query_language(machine.value.get("QueryLanguage", "JSONPath"))
    top = replace(machine, setting=replace(machine.setting, language=language))
    names: set[str] = set()
    labels: set[str] = set()
    pending: list[InnerMachine] = [InnerMachine(top, _TOP)]
    while pending and not top.setting.report.full:
        inner, schema, outer = pending.pop()
        schema(inner)
        if not isinstance(inner.value, dict):
            continue
        nested = []
        visible = outer | _check_variables(inner, outer)
        for name, state in _states(inner):
            _check_name(name, state, names)
            check_state(_with_language(state, top.setting.language))
            _check_label(state, labels)
            nested += _machines_inside(state, visible)
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


def _machines_inside(state: Node, variables: frozenset[str]) -> list[InnerMachine]:
    """Return the branches and the item processor of a state. A distributed Map cannot read variables of others."""
    machines: list[InnerMachine] = []
    if state.value.get("Type") == "Parallel" and isinstance(state.value.get("Branches"), list):
        machines += [InnerMachine(branch, _BRANCH, variables) for branch in state.child("Branches").items()]
    if state.value.get("Type") == "Map":
        processors = [state.child(name) for name in ("ItemProcessor", "Iterator") if name in state.value]
        own = frozenset[str]() if is_distributed(state) else variables
        machines += [InnerMachine(processor, _PROCESSOR, own) for processor in processors]
    return machines


def _check_variables(machine: Node, outer: frozenset[str]) -> frozenset[str]:
    """Check that no variable of an outer machine is assigned, and return the names of the machine's own variables.

    Source: Step Functions Developer Guide, "Passing data between states with variables", scope rules.
    """
    names: set[str] = set()
    states = machine.value.get("States")
    for state in states if isinstance(states, dict) else ():
        for assign in assignments_of(machine.child("States").child(state)):
            for name in {each.removesuffix(".$") for each in assign.value}:
                names.add(name)
                if name in outer:
                    assign.error(f"Variable '{name}' belongs to an outer scope, and cannot be assigned here")
    return frozenset(names)
