"""The run of a distributed Map: read the items, start child executions, join them, and write their results."""

from __future__ import annotations

from msgspec.structs import replace

from headrace.streams.machines.definition.model import ItemReader, MapRunSettings, MapState
from headrace.streams.machines.definition.values import DynamicValue
from headrace.streams.machines.errors import (
    EXCEED_TOLERATED_FAILURE_THRESHOLD,
    ITEM_READER_FAILED,
    RESULT_WRITER_FAILED,
    StatesError,
)
from headrace.streams.machines.execution.batches import batched
from headrace.streams.machines.execution.child_ids import child_id
from headrace.streams.machines.execution.commands import ReadItems, StartChild, WriteResults
from headrace.streams.machines.execution.data_flow import (
    Environment,
    effective_input,
    environment,
    evaluate,
    with_result,
)
from headrace.streams.machines.execution.draft import Draft, StateFailure
from headrace.streams.machines.execution.failures import fail
from headrace.streams.machines.execution.flow import leave
from headrace.streams.machines.execution.map_results import inline_result, result_rows
from headrace.streams.machines.execution.numbers import whole_number
from headrace.streams.machines.execution.outcomes import outcome_of, unfinished, with_outcome
from headrace.streams.machines.execution.record import (
    ChildOutcome,
    DatasetWork,
    FlowBranch,
    MapItem,
    MapRunLimits,
    MapRunWork,
)
from headrace.streams.machines.execution.states.group import item_input
from headrace.streams.machines.execution.states.items import source_of
from headrace.streams.machines.execution.states.map_run_limits import concurrency_of, with_limits
from headrace.streams.machines.execution.states.tolerance import exceeds_tolerance, tolerance
from headrace.streams.machines.json_types import Json

THRESHOLD_EXCEEDED = "The specified tolerated failure threshold was exceeded"


def start_map_run(draft: Draft, branch: FlowBranch, state: MapState, items: Json, concurrency: int) -> None:
    """Start the run with its items, or read them first.

    Raises:
        StatesError: An expression fails.
    """
    env = environment(draft, branch)
    effective = effective_input(state.data, env)
    tolerance(state, env, effective)
    settings = _settings(state)
    arn = _map_run_arn(draft, settings)
    draft.emit(branch, "MapRunStarted", {"mapRunArn": arn})
    if settings.reader is None:
        _start_children(draft, branch, state, arn, items)
        return
    task = f"{branch.id}.{draft.new_key()}"
    branch.work = DatasetWork(task, arn)
    draft.commands.append(_read_command(task, state, settings.reader, env, effective))


def items_read(draft: Draft, branch: FlowBranch, state: MapState, work: DatasetWork, items: Json) -> None:
    """Start the run with the items that were read.

    Raises:
        StatesError: An expression fails.
    """
    if not isinstance(items, list | dict):
        dataset_failed(draft, branch, work, None, "Attempting to map over non-iterable node.")
        return
    _start_children(draft, branch, state, work.arn, items, work.limits)


def results_written(draft: Draft, branch: FlowBranch, state: MapState, work: DatasetWork, details: Json) -> None:
    """Complete the state with the place of its results.

    Raises:
        StatesError: An expression fails.
    """
    _complete(draft, branch, state, {"MapRunArn": work.arn, "ResultWriterDetails": details})


def dataset_failed(draft: Draft, branch: FlowBranch, work: DatasetWork, error: str | None, cause: str | None) -> None:
    """Let the state fail: its items cannot be read, or its results cannot be written."""
    default = ITEM_READER_FAILED if work.run is None else RESULT_WRITER_FAILED
    fail(draft, branch, StateFailure(error or default, cause))


def child_finished(
    draft: Draft, branch: FlowBranch, state: MapState, started: tuple[MapRunWork, int], outcome: ChildOutcome
) -> None:
    """Keep the outcome of a child; start the next one, fail the run, or complete it.

    Raises:
        StatesError: An expression fails.
    """
    work, index = started
    weight = work.weights[index] if outcome.failed else 0
    work = replace(
        work,
        outcomes=with_outcome(work.outcomes, index, outcome),
        finished=work.finished + 1,
        failed_weight=work.failed_weight + weight,
    )
    go_on(draft, branch, state, work)


def go_on(draft: Draft, branch: FlowBranch, state: MapState, work: MapRunWork) -> None:
    """Fail a run that has changed if more than it tolerates has failed, else continue it.

    Raises:
        StatesError: An expression fails.
    """
    branch.work = work
    if work.failed_weight and exceeds_tolerance(work):
        fail(draft, branch, StateFailure(EXCEED_TOLERATED_FAILURE_THRESHOLD, THRESHOLD_EXCEEDED))
        return
    continue_run(draft, branch, state, work)


def continue_run(draft: Draft, branch: FlowBranch, state: MapState, work: MapRunWork) -> None:
    """Start as many children as may run at the same time; write or return the results if all are finished.

    Raises:
        StatesError: An expression fails.
    """
    size = len(work.inputs)
    while work.started < size and work.started - work.finished < work.concurrency:
        start_child(draft, branch, state, work, work.started, again=False)
        work = replace(work, started=work.started + 1)
    branch.work = work
    if work.finished < size:
        return
    settings = _settings(state)
    if settings.writer is None or settings.writer.resource is None:
        _complete(draft, branch, state, inline_result(settings.writer, work))
        return
    env = environment(draft, branch)
    task = f"{branch.id}.{draft.new_key()}"
    parameters = _optional(settings.writer.parameters, env, effective_input(state.data, env))
    branch.work = DatasetWork(task, work.arn, run=work)
    draft.commands.append(
        WriteResults(
            task=task,
            state=state.name,
            resource=settings.writer.resource,
            parameters=parameters,
            config=settings.writer.config,
            map_run_arn=work.arn,
            results=result_rows(work),
        )
    )


def start_child(
    draft: Draft, branch: FlowBranch, state: MapState, work: MapRunWork, index: int, *, again: bool
) -> None:
    """Start a child execution, or redrive it."""
    settings = _settings(state)
    draft.commands.append(
        StartChild(
            child=child_id(branch, work, index),
            index=index,
            flow=state.processor,
            input=work.inputs[index],
            map_run_arn=work.arn,
            execution_type=settings.execution_type,
            label=settings.label,
            again=again,
        )
    )


def is_waiting_for(branch: FlowBranch, child: str) -> tuple[MapRunWork, int] | None:
    """Return the run and the index of a child that a branch waits for; None if it does not."""
    work = branch.work
    index = int(child.rpartition(".")[2])
    if not isinstance(work, MapRunWork) or branch.status != "running" or index >= work.started:
        return None
    if child != child_id(branch, work, index) or outcome_of(work.outcomes, index) is not None:
        return None
    return work, index


def _start_children(
    draft: Draft, branch: FlowBranch, state: MapState, arn: str, items: Json, limits: MapRunLimits | None = None
) -> None:
    env = environment(draft, branch)
    effective = effective_input(state.data, env)
    pairs = items.items() if isinstance(items, dict) else ((None, value) for value in items)
    source = source_of(_settings(state).reader, env, effective)
    items_of_run = (MapItem(index, value, key, source) for index, (key, value) in enumerate(pairs))
    inputs = [item_input(draft, branch, state, item) for item in items_of_run]
    weights = [1] * len(inputs)
    batcher = _settings(state).batcher
    if batcher is not None:
        inputs, weights = batched(batcher, inputs, env, effective)
    count, percentage = tolerance(state, env, effective)
    concurrency = whole_number(state.max_concurrency, env, effective)
    work = MapRunWork(
        arn=arn,
        outcomes=unfinished(len(inputs)),
        inputs=inputs,
        weights=weights,
        concurrency=concurrency_of(concurrency),
        tolerated_count=count,
        tolerated_percentage=percentage,
        key=draft.new_key(),
    )
    continue_run(draft, branch, state, work if limits is None else with_limits(work, limits))


def _complete(draft: Draft, branch: FlowBranch, state: MapState, result: Json) -> None:
    draft.emit(branch, "MapRunSucceeded", {})
    draft.emit(branch, "MapStateSucceeded", {"name": state.name})
    leave(draft, branch, state, with_result(state.data, environment(draft, branch), result), state.next)


def _read_command(task: str, state: MapState, reader: ItemReader, env: Environment, effective: Json) -> ReadItems:
    max_items = None if reader.max_items is None else whole_number(reader.max_items, env, effective)
    if max_items is not None and max_items < 0:
        raise StatesError(ITEM_READER_FAILED, "field MaxItems must be positive")
    parameters = _optional(reader.parameters, env, effective)
    return ReadItems(task, state.name, reader.resource, parameters, reader.config, max_items or None)


def _optional(value: DynamicValue | None, env: Environment, effective: Json) -> Json:
    return None if value is None else evaluate(value, env, effective)


def _settings(state: MapState) -> MapRunSettings:
    if state.map_run is None:
        raise TypeError(f"the Map state '{state.name}' is not distributed")
    return state.map_run


def _map_run_arn(draft: Draft, settings: MapRunSettings) -> str:
    """Return the ARN of a new run: that of the machine with `mapRun`, a label and a UUID."""
    run = draft.entropy.uuid()
    machine = draft.execution.machine_id.replace(":stateMachine:", ":mapRun:")
    return f"{machine}/{settings.label or draft.entropy.uuid()}:{run}"
