"""The payloads in the record of an execution."""

from __future__ import annotations

from collections.abc import Callable

from msgspec.structs import replace

from headrace.streams.machines.execution.record import (
    ChildOutcome,
    DatasetWork,
    Execution,
    FlowBranch,
    GroupWork,
    MapItem,
    MapRunWork,
    Outcomes,
    Work,
)
from headrace.streams.machines.json_types import Json

Convert = Callable[[Json], Json]


def with_payloads(execution: Execution, convert: Convert) -> Execution:
    """Return a copy of an execution in which each payload is replaced by what `convert` returns for it."""
    return replace(
        execution,
        input=convert(execution.input),
        output=convert(execution.output),
        branches={number: _branch(branch, convert) for number, branch in execution.branches.items()},
    )


def _branch(branch: FlowBranch, convert: Convert) -> FlowBranch:
    return replace(
        branch,
        input=convert(branch.input),
        variables={name: convert(value) for name, value in branch.variables.items()},
        item=None if branch.item is None else _item(branch.item, convert),
        work=_work(branch.work, convert),
    )


def _item(item: MapItem, convert: Convert) -> MapItem:
    return replace(item, value=convert(item.value))


def _work(work: Work | None, convert: Convert) -> Work | None:
    if isinstance(work, GroupWork):
        return replace(work, items=convert(work.items), outcomes=_outcomes(work.outcomes, convert))
    if isinstance(work, MapRunWork):
        return _run(work, convert)
    if isinstance(work, DatasetWork) and work.run is not None:
        return replace(work, run=_run(work.run, convert))
    return work


def _run(work: MapRunWork, convert: Convert) -> MapRunWork:
    return replace(work, inputs=convert(work.inputs), outcomes=_outcomes(work.outcomes, convert))


def _outcomes(outcomes: Outcomes, convert: Convert) -> Outcomes:
    return [[None if each is None else _outcome(each, convert) for each in chunk] for chunk in outcomes]


def _outcome(outcome: ChildOutcome, convert: Convert) -> ChildOutcome:
    return replace(outcome, output=convert(outcome.output))
