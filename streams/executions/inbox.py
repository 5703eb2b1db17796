"""What the inbox of an execution receives: stimuli of the core with what the engine needs besides."""

from __future__ import annotations

from typing import Literal, TypeAlias

from msgspec import Struct

from headrace.streams.machines.execution.stimuli import (
    DeliveredStimulus,
    Heartbeat,
    RedriveExecution,
    StartExecution,
    TaskFailed,
    TaskSucceeded,
)
from headrace.streams.machines.json_types import Json

TokenStimulus: TypeAlias = TaskSucceeded | TaskFailed | Heartbeat


class ParentLink(Struct, frozen=True):
    """The execution that waits for this one. `reference` is the id of its task or child."""

    execution: str
    reference: str
    kind: Literal["child", "task"]
    pattern: str = ""
    """The API of a nested execution, such as `startExecution.sync:2`."""


class StartByName(Struct, frozen=True, tag=True):
    """Start a machine by a name that is not resolved yet; `now` and `seed` are those of the start."""

    machine: str
    name: str
    input: Json
    now: float
    seed: int


class ResolvedStart(Struct, frozen=True, tag=True, omit_defaults=True):
    """Start an execution of a definition.

    `again` redrives the execution instead, if it ended without success. `generated_name` says that no other execution
    can have the name.
    """

    stimulus: StartExecution
    revision: str
    version: int | None = None
    alias: str | None = None
    parent: ParentLink | None = None
    generated_name: bool = False
    again: bool = False


class DeliverStimulus(Struct, frozen=True, tag=True):
    """A stimulus of the core."""

    stimulus: DeliveredStimulus


class AnswerByToken(Struct, frozen=True, tag=True):
    """An answer with a task token; it counts only if the task has this token."""

    token_sha256: str
    stimulus: TokenStimulus


class StopForParent(Struct, frozen=True, tag=True, omit_defaults=True):
    """The parent does not wait for a child any more. It counts only if the child still has this parent.

    `parent` is its execution; it is empty for a child of a distributed Map, whose reference is enough.
    """

    reference: str
    now: float
    seed: int
    parent: str = ""


class StopNested(Struct, frozen=True):
    """On `machines.tasks`: nothing waits for the task any more, and the execution that it started must stop."""

    execution: str
    message: StopForParent


class RedriveRequest(Struct, frozen=True, tag=True):
    """Run an ended execution again, with another definition if `revision` is set."""

    stimulus: RedriveExecution
    revision: str | None = None


InboxMessage: TypeAlias = StartByName | ResolvedStart | DeliverStimulus | AnswerByToken | StopForParent | RedriveRequest


def kind_of_message(message: InboxMessage) -> str:
    """Return the name of what happened."""
    if isinstance(message, DeliverStimulus | AnswerByToken):
        return type(message.stimulus).__name__
    return type(message).__name__
