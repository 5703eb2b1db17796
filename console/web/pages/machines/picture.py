"""The graph of a definition for a page, coloured by what its executions do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from markupsafe import Markup

from headrace.console.machines.map_states import states_of
from headrace.console.views.queries.execution_states import StateVisit
from headrace.streams.machines import drawing
from headrace.streams.machines.drawing import DrawingError, Links, Marks, MarkStatus, StateMark
from headrace.streams.machines.validation import validate

REMEMBERED = 50
"""Definitions that are kept parsed."""
MOST_STATES = 400
"""States of a drawn definition: a larger picture has several megabytes, and takes seconds."""
_URGENCY: tuple[MarkStatus, ...] = ("running", "waiting", "failed", "aborted", "caught", "succeeded")
"""A state that was visited for several items shows the first of these."""


@lru_cache(REMEMBERED)
def parsed(definition: str) -> Mapping[str, Any]:
    """Return a definition as it was parsed; empty if it cannot be."""
    return validate(definition).definition or {}


def draw(definition: Mapping[str, Any], marks: Marks, links: Links) -> Markup | None:
    """Return the picture of a definition; None if it is too large for one."""
    try:
        if sum(1 for _ in states_of(definition)) > MOST_STATES:
            return None
        return Markup(drawing.machine_element(dict(definition), marks, links))
    except DrawingError:
        return None


def outline(definition: Mapping[str, Any]) -> str:
    """Return a definition as text."""
    return drawing.machine_text(dict(definition))


def running_marks(definition: Mapping[str, Any], counts: Mapping[str, int]) -> Marks:
    """Mark the states in which executions are, with their numbers. Those in a Wait state wait."""
    waits = {name for name, state in states_of(definition) if state.get("Type") == "Wait"}
    return {
        state: StateMark("waiting" if state in waits else "running", f"{number:,}") for state, number in counts.items()
    }


def visit_marks(visits: Sequence[StateVisit]) -> Marks:
    """Mark the visited states of an execution, with the number of visits if there are several.

    Of the visits at one place, such as those of a loop or before a redrive, the last one counts.
    """
    counts = Counter(visit.state for visit in visits)
    last = {(visit.state, visit.parent, visit.iteration): visit_status(visit) for visit in visits}
    found: dict[str, list[MarkStatus]] = {}
    for (state, _, _), status in last.items():
        found.setdefault(state, []).append(status)
    return {
        state: StateMark(min(statuses, key=_URGENCY.index), f"×{counts[state]:,}" if counts[state] > 1 else "")
        for state, statuses in found.items()
    }


def visit_status(visit: StateVisit) -> MarkStatus:
    """Return the status of a visit: one that succeeded after an error has caught it."""
    match visit.status:
        case "running":
            return "running"
        case "waiting" | "retrying":
            return "waiting"
        case "succeeded":
            return "caught" if visit.error else "succeeded"
        case "failed":
            return "failed"
    return "aborted"
