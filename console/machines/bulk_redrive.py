"""Redrive many executions: a plan, then canaries, then the rest at a rate. What has not started can be cancelled."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from headrace.console.errors import CommandError
from headrace.console.machines import compatibility, starts
from headrace.console.machines.errors import MachineServiceError
from headrace.console.machines.port import MachineServices
from headrace.console.views.queries.executions import ExecutionFilter, ExecutionPosition, StoredExecution
from headrace.streams.machines.json_types import Json
from headrace.streams.machines.validation import validate

PAGE = 500
UNSUCCESSFUL = ("FAILED", "TIMED_OUT", "ABORTED")
_CANARY_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class BulkRedriveOptions:
    """How executions are redriven. `rate` is per second, `inputs` by state, `revision` that of another definition."""

    inputs: Mapping[str, Json] = field(default_factory=dict)
    revision: str | None = None
    canary: int = 1
    rate: float = 10.0
    canary_seconds: float = _CANARY_SECONDS


@dataclass(frozen=True, slots=True)
class BulkRedrivePlan:
    """Executions that are redriven, oldest first, and those that cannot be, with the reason."""

    executions: tuple[StoredExecution, ...]
    refused: tuple[tuple[StoredExecution, str], ...]

    def errors(self) -> dict[str, int]:
        """Count the executions by their error."""
        counts: dict[str, int] = {}
        for execution in self.executions:
            counts[execution.error or execution.status] = counts.get(execution.error or execution.status, 0) + 1
        return counts


def plan_redrive(
    services: MachineServices, query: ExecutionFilter, options: BulkRedriveOptions, limit: int
) -> BulkRedrivePlan:
    """Return the plan for the unsuccessful executions that match, at most `limit`."""
    chosen: list[StoredExecution] = []
    refused: list[tuple[StoredExecution, str]] = []
    for execution in _matching(services, query, limit):
        reason = obstacle(services, execution, options)
        if reason is None:
            chosen.append(execution)
        else:
            refused.append((execution, reason))
    return BulkRedrivePlan(tuple(sorted(chosen, key=lambda each: each.started_at)), tuple(refused))


def obstacle(services: MachineServices, execution: StoredExecution, options: BulkRedriveOptions) -> str | None:
    """Return why an execution cannot be redriven; None if it can."""
    reason = starts.redrive_obstacle(execution)
    if reason is not None or options.revision is None or options.revision == execution.revision:
        return reason
    problems = [each for each in findings(services, execution, options.revision) if each.problem]
    return "; ".join(f"{each.state}: {each.problem}" for each in problems) or None


def findings(
    services: MachineServices, execution: StoredExecution, revision: str
) -> list[compatibility.CompatibilityFinding]:
    """Compare the states that run again in the definition of an execution and in another one."""
    old, new = (_document(services, each) for each in (execution.revision, revision))
    return compatibility.compare(services.reader.visits(execution), old, new)


async def run_redrive(
    services: MachineServices,
    plan: BulkRedrivePlan,
    options: BulkRedriveOptions,
    clock: Callable[[], float] = time.monotonic,
) -> AsyncIterator[StoredExecution]:
    """Redrive the executions of a plan, and yield each. It ends after the canaries if one of them does not succeed.

    Raises:
        CommandError: A canary did not succeed.
    """
    canaries, rest = plan.executions[: options.canary], plan.executions[options.canary :]
    if not rest:
        canaries, rest = (), plan.executions
    for execution in canaries:
        await _redrive(services, execution, options)
        yield execution
    await _check_canaries(services, canaries, options)
    due = clock()
    for execution in rest:
        await asyncio.sleep(max(0.0, due - clock()))
        due += 1 / options.rate
        if await _redrive(services, execution, options):
            yield execution


async def _redrive(services: MachineServices, execution: StoredExecution, options: BulkRedriveOptions) -> bool:
    """Redrive an execution unless someone else has done it meanwhile."""
    current = services.reader.one(execution.arn)
    if current is None or current.redrives != execution.redrives:
        return False
    try:
        await starts.redrive(services, current, options.inputs, options.revision)
    except MachineServiceError:
        return False
    return True


async def _check_canaries(
    services: MachineServices, canaries: Sequence[StoredExecution], options: BulkRedriveOptions
) -> None:
    for execution in canaries:
        ended = await starts.wait_for_redrive(services, execution, options.canary_seconds)
        if ended is None:
            raise CommandError(
                f"the canary {execution.name} still runs after {options.canary_seconds:g} s: nothing else was redriven"
            )
        if ended.status != "SUCCEEDED":
            raise CommandError(
                f"the canary {execution.name} ended as {ended.status} {ended.error or ''}".rstrip()
                + ": nothing else was redriven"
            )


def _matching(services: MachineServices, query: ExecutionFilter, limit: int) -> list[StoredExecution]:
    found: list[StoredExecution] = []
    place: ExecutionPosition | None = None
    while len(found) < limit:
        page = services.reader.newest(query, PAGE, place)
        found += [each for each in page if each.status in UNSUCCESSFUL and each.map_run is None]
        if len(page) < PAGE:
            break
        place = ExecutionPosition(page[-1].started_at, page[-1].arn)
    return found[:limit]


def _document(services: MachineServices, revision: str) -> compatibility.DefinitionDocument:
    text = (services.table.definition(revision) or b"").decode(errors="replace")
    return validate(text).definition or {}
