"""The ids of the child executions of a distributed Map."""

from __future__ import annotations

from headrace.streams.machines.execution.outcomes import flat
from headrace.streams.machines.execution.record import FlowBranch, MapRunWork


def child_id(branch: FlowBranch, work: MapRunWork, index: int) -> str:
    """Return the id of a child. A redrive of the run has another key, so a late answer of the first run is ignored."""
    return f"{branch.id}.{work.key}.{index}"


def open_children(branch: FlowBranch, work: MapRunWork) -> list[str]:
    """Return the ids of the started children without an outcome."""
    started = enumerate(flat(work.outcomes)[: work.started])
    return [child_id(branch, work, index) for index, outcome in started if outcome is None]
