"""Draw a flowchart as text: one line for each state, followed by its transitions."""

from __future__ import annotations

from collections.abc import Iterator

from headrace.schemas.safe_text import safe_text
from headrace.streams.machines.drawing.flowchart import Flowchart, FlowState, Transition

_MARKS = {"next": "→", "choice": "?", "default": "?", "catch": "!"}


def draw_text(chart: Flowchart) -> str:
    """Return a flowchart as text, with the states in the order in which they are reached."""
    return "\n".join(safe_text(line) for line in _chart(chart, ""))  # a name may have line breaks


def _chart(chart: Flowchart, indent: str) -> Iterator[str]:
    outgoing: dict[str, list[Transition]] = {state.name: [] for state in chart.states}
    for transition in chart.transitions:
        outgoing[transition.source].append(transition)
    states = {state.name: state for state in chart.states}
    for name in _reached(chart, outgoing):
        yield from _state(states[name], outgoing[name], "● " if name == chart.start else "○ ", indent)


def _reached(chart: Flowchart, outgoing: dict[str, list[Transition]]) -> Iterator[str]:
    """Yield the names of the states, those behind a state before those of the next way out of it."""
    seen: set[str] = set()
    for first in [chart.start, *outgoing]:
        pending = [first] if first in outgoing else []
        while pending:
            name = pending.pop()
            if name not in seen:
                seen.add(name)
                yield name
                pending += [each.target for each in reversed(outgoing[name])]


def _state(state: FlowState, transitions: list[Transition], mark: str, indent: str) -> Iterator[str]:
    detail = f": {state.detail}" if state.detail else ""
    yield f"{indent}{mark}{state.name} [{state.type}{detail}]{' ■' if state.ends else ''}"
    for title, chart in state.inner:
        yield f"{indent}  │ {title}"
        yield from _chart(chart, f"{indent}  │   ")
    for each in transitions:
        label = f"{each.label} " if each.label else ""
        arrow = "→ " if each.kind != "next" else ""
        yield f"{indent}  {_MARKS[each.kind]} {label}{arrow}{each.target}"
