"""The results of a distributed Map: in the result of the state, or as rows for a ResultWriter."""

from __future__ import annotations

from headrace.streams.machines.definition.model import ResultWriter
from headrace.streams.machines.execution.outcomes import flat
from headrace.streams.machines.execution.record import ChildOutcome, MapRunWork
from headrace.streams.machines.json_types import Json


def inline_result(writer: ResultWriter | None, work: MapRunWork) -> list[Json]:
    """Return the result of a state that writes no files: the outputs of the children that succeeded.

    The transformation `NONE` returns a row with the status of each child; `FLATTEN` joins outputs that are arrays.
    """
    transformation = None if writer is None else writer.config.get("Transformation")
    if transformation == "NONE":
        return result_rows(work)
    outputs = [outcome.output for outcome in flat(work.outcomes) if outcome is not None and not outcome.failed]
    if transformation != "FLATTEN":
        return outputs
    return [value for output in outputs for value in (output if isinstance(output, list) else [output])]


def result_rows(work: MapRunWork) -> list[Json]:
    """Return a row for each child: its index, input and status, and its output, or error and cause."""
    pairs = zip(work.inputs, flat(work.outcomes), strict=True)
    return [_row(index, value, outcome) for index, (value, outcome) in enumerate(pairs) if outcome is not None]


def _row(index: int, value: Json, outcome: ChildOutcome) -> dict[str, Json]:
    row = {"Index": index, "Input": value, "Status": "FAILED" if outcome.failed else "SUCCEEDED"}
    if not outcome.failed:
        return {**row, "Output": outcome.output}
    return {**row, "Error": outcome.error, "Cause": outcome.cause}
