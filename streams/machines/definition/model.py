"""A compiled definition: one record for each type of state.

States of Parallel branches and Map processors are not nested. Each list of states is a `Flow` of the machine, and a
Parallel or Map state has the indices of its flows, so the depth of a definition costs no recursion.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from headrace.streams.machines.definition.values import DataFields, DynamicValue
from headrace.streams.machines.expressions.conditions.condition import ChoiceCondition
from headrace.streams.machines.expressions.paths.path import ReferencePath
from headrace.streams.machines.expressions.scope import Missing
from headrace.streams.machines.expressions.template import Template
from headrace.streams.machines.json_types import Json

QueryLanguage: TypeAlias = Literal["JSONPath", "JSONata"]


@dataclass(frozen=True, slots=True)
class Retrier:
    """When and how often a failed state runs again. Times are in seconds."""

    errors: tuple[str, ...]
    interval: float
    max_attempts: int
    backoff_rate: float
    max_delay: float | None
    full_jitter: bool


@dataclass(frozen=True, slots=True)
class Catcher:
    """Which state follows a failed state."""

    errors: tuple[str, ...]
    next: str
    result_path: ReferencePath | None
    output: Json | Missing
    assign: Template | Mapping[str, Json] | None


@dataclass(frozen=True, slots=True)
class ChoiceRule:
    """One rule of a Choice state; `condition` is a JSONata text or a literal in a JSONata state."""

    condition: ChoiceCondition | str | bool
    next: str
    output: Json | Missing
    assign: Template | Mapping[str, Json] | None


@dataclass(frozen=True, slots=True)
class PassState:
    """`result` is a literal, `MISSING` without one."""

    name: str
    next: str | None
    data: DataFields
    result: Json | Missing


@dataclass(frozen=True, slots=True)
class TaskState:
    """`timeout` and `heartbeat` are in seconds."""

    name: str
    next: str | None
    data: DataFields
    resource: str
    timeout: DynamicValue | None
    heartbeat: DynamicValue | None
    credentials: DynamicValue | None
    retriers: tuple[Retrier, ...]
    catchers: tuple[Catcher, ...]


@dataclass(frozen=True, slots=True)
class ChoiceState:
    """The first rule that matches decides, otherwise `default`."""

    name: str
    data: DataFields
    rules: tuple[ChoiceRule, ...]
    default: str | None


@dataclass(frozen=True, slots=True)
class WaitState:
    """Exactly one of `seconds` and `timestamp` is set."""

    name: str
    next: str | None
    data: DataFields
    seconds: DynamicValue | None
    timestamp: DynamicValue | None


@dataclass(frozen=True, slots=True)
class SucceedState:
    """Ends its flow with success."""

    name: str
    data: DataFields


@dataclass(frozen=True, slots=True)
class FailState:
    """Ends its flow with an error. Both fields are optional."""

    name: str
    data: DataFields
    error: DynamicValue | None
    cause: DynamicValue | None


@dataclass(frozen=True, slots=True)
class ParallelState:
    """Runs all `branches`, which are indices of flows."""

    name: str
    next: str | None
    data: DataFields
    branches: tuple[int, ...]
    retriers: tuple[Retrier, ...]
    catchers: tuple[Catcher, ...]


@dataclass(frozen=True, slots=True)
class ItemReader:
    """Where the items of a distributed Map come from. `config` has the fields of `ReaderConfig`."""

    resource: str
    parameters: DynamicValue | None
    config: Mapping[str, Json]
    max_items: DynamicValue | None


@dataclass(frozen=True, slots=True)
class ItemBatcher:
    """How items are grouped into batches. `max_bytes` counts the UTF-8 bytes of a batch as JSON."""

    batch_input: DynamicValue | None
    max_items: DynamicValue | None
    max_bytes: DynamicValue | None


@dataclass(frozen=True, slots=True)
class ResultWriter:
    """Where the results of a distributed Map go. Without a resource they stay in the result of the state."""

    resource: str | None
    parameters: DynamicValue | None
    config: Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class MapRunSettings:
    """What only a distributed Map has."""

    execution_type: str
    label: str | None
    reader: ItemReader | None
    batcher: ItemBatcher | None
    writer: ResultWriter | None


@dataclass(frozen=True, slots=True)
class MapState:
    """Runs the flow `processor` for each item. `map_run` is None for an inline Map."""

    name: str
    next: str | None
    data: DataFields
    processor: int
    items: DynamicValue | None
    item_selector: DynamicValue | None
    max_concurrency: DynamicValue
    tolerated_count: DynamicValue | None
    tolerated_percentage: DynamicValue | None
    map_run: MapRunSettings | None
    retriers: tuple[Retrier, ...]
    catchers: tuple[Catcher, ...]


State: TypeAlias = PassState | TaskState | ChoiceState | WaitState | SucceedState | FailState | ParallelState | MapState


@dataclass(frozen=True, slots=True)
class Flow:
    """States that run one after the other, the first of which is `start_at`."""

    start_at: str
    states: Mapping[str, State]


@dataclass(frozen=True, slots=True)
class Machine:
    """A compiled definition. `flows[0]` is the machine itself; `timeout` is in seconds."""

    flows: tuple[Flow, ...]
    query_language: QueryLanguage
    timeout: float | None
    comment: str
