"""The context object, `$$` and `$states.context`."""

from __future__ import annotations

from collections.abc import Mapping

from headrace.streams.machines.execution.draft import Draft, timestamp
from headrace.streams.machines.execution.record import FlowBranch, MapItem
from headrace.streams.machines.json_types import Json


def context_of(
    draft: Draft, branch: FlowBranch, token: str | None = None, item: MapItem | None = None
) -> dict[str, Json]:
    """Return the context object of a branch. `item` replaces the item of the branch."""
    shared = draft.execution_context
    if shared is None:
        shared = draft.execution_context = _execution_context(draft)
    context = {
        **shared,
        "State": {
            "EnteredTime": draft.now_text if branch.entered_at is draft.now else timestamp(branch.entered_at),
            "Name": branch.state,
            "RetryCount": sum(branch.retries),
        },
    }
    if token is not None:
        context["Task"] = {"Token": token}
    item = item or branch.item
    if item is not None:
        context["Map"] = {"Item": _item(item)}
    return context


def _execution_context(draft: Draft) -> Mapping[str, Json]:
    execution = draft.execution
    details = {
        "Id": execution.id,
        "Input": execution.input,
        "Name": execution.name,
        "RoleArn": execution.role_arn,
        "StartTime": timestamp(execution.started_at),
        "RedriveCount": execution.redrive_count,
    }
    if execution.redriven_at is not None:
        details["RedriveTime"] = timestamp(execution.redriven_at)
    machine = {"Id": execution.machine_id, "Name": execution.machine_name}
    return {"Execution": details, "StateMachine": machine}


def _item(item: MapItem) -> dict[str, Json]:
    details = {"Index": item.index, "Value": item.value}
    named = {"Key": item.key, "Source": item.source}
    return {**details, **{name: value for name, value in named.items() if value is not None}}
