"""Change the limits of a distributed Map that runs."""

from __future__ import annotations

from msgspec.structs import replace

from headrace.streams.machines.definition.model import MapState
from headrace.streams.machines.execution.draft import Draft
from headrace.streams.machines.execution.record import DatasetWork, FlowBranch, MapRunWork
from headrace.streams.machines.execution.run import guarded
from headrace.streams.machines.execution.states.map_run import go_on
from headrace.streams.machines.execution.states.map_run_limits import with_limits
from headrace.streams.machines.execution.stimuli import UpdateMapRun


def update_map_run(draft: Draft, stimulus: UpdateMapRun) -> bool:
    """Apply new limits to a run, and return whether it is open and has other ones."""
    for branch_id in sorted(draft.execution.branches):
        work = draft.execution.branches[branch_id].work
        if isinstance(work, MapRunWork | DatasetWork) and work.arn == stimulus.run:
            return _update(draft, draft.branch(branch_id), work, stimulus)
    return False


def _update(draft: Draft, branch: FlowBranch, work: MapRunWork | DatasetWork, stimulus: UpdateMapRun) -> bool:
    state = draft.state(branch)
    if branch.status != "running" or not isinstance(state, MapState):
        return False
    if isinstance(work, MapRunWork):
        changed = with_limits(work, stimulus.limits)
        if changed == work:
            return False
        guarded(draft, branch, lambda: go_on(draft, branch, state, changed))
        return True
    if work.run is not None:  # the children have ended, and the results are being written
        return False
    branch.work = replace(work, limits=stimulus.limits if work.limits is None else work.limits.changed(stimulus.limits))
    return branch.work != work
