"""What follows the failure of a tested state: a retry, a catcher, or the end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from headrace.streams.machines.definition.model import MapState, ParallelState, State, TaskState
from headrace.streams.machines.errors import ALL, RUNTIME, TASK_FAILED, TIMEOUT
from headrace.streams.machines.execution.data_flow import Environment, caught
from headrace.streams.machines.execution.failures import delay_of
from headrace.streams.machines.json_types import Json
from headrace.streams.machines.test_state.answer import StateAnswer


def recovered(state: State, env: Environment, answer: StateAnswer, retries: int) -> StateAnswer:
    """Return the answer for a failed state, whose error and cause are those of `answer`.

    Raises:
        StatesError: The output of the catcher fails.
    """
    answer.status = "FAILED"
    if answer.error == RUNTIME or not isinstance(state, TaskState | MapState | ParallelState):
        return answer
    index = _matching([retrier.errors for retrier in state.retriers], answer.error)
    if index is not None:
        retrier = state.retriers[index]
        answer.error_details["retryIndex"] = index
        if retries < retrier.max_attempts:
            answer.status = "RETRIABLE"
            answer.error_details["retryBackoffIntervalSeconds"] = _whole(delay_of(retrier, retries))
            return answer
    index = _matching([catcher.errors for catcher in state.catchers], answer.error)
    if index is not None:
        error: Mapping[str, Json] = {"Error": answer.error or "", "Cause": answer.cause or ""}
        completed = caught(state.data, env, state.catchers[index], error, f"Catch[{index}]/")
        answer.status = "CAUGHT_ERROR"
        answer.error_details["catchIndex"] = index
        answer.complete(completed, state.catchers[index].next)
    return answer


def _matching(patterns: Sequence[Sequence[str]], error: str | None) -> int | None:
    names = {error, ALL} if error == TIMEOUT else {error, ALL, TASK_FAILED}
    return next((index for index, errors in enumerate(patterns) if not names.isdisjoint(errors)), None)


def _whole(seconds: float) -> float:
    return int(seconds) if seconds == int(seconds) else seconds
