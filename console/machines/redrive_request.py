"""A request to redrive executions, as commands, pages and the JSON API name it, and its plan."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from headrace.console.errors import CommandError
from headrace.console.machines import arns, bulk_redrive, references
from headrace.console.machines.bulk_redrive import BulkRedriveOptions, BulkRedrivePlan
from headrace.console.machines.execution_criteria import ExecutionCriteria
from headrace.console.machines.port import MachineServices
from headrace.schemas.parsing import InvalidValueError, parse_int
from headrace.streams.machines.json_types import Json

SHOWN = 20
"""Executions of a plan whose definitions are compared."""
LATEST = "latest"


@dataclass(frozen=True, slots=True)
class BulkRedriveRequest:
    """Executions by reference, or the criteria of those of one machine, and how they are redriven.

    `inputs` replaces the inputs of failed states by name; `version` is empty, a number or `latest`.
    """

    executions: tuple[str, ...] = ()
    criteria: ExecutionCriteria = field(default_factory=ExecutionCriteria)
    inputs: Mapping[str, Json] = field(default_factory=dict)
    version: str = ""
    canary: int = 1
    rate: float = 10.0
    limit: int = 10_000


@dataclass(frozen=True, slots=True)
class PlannedRedrive:
    """A plan with its options, and the fields that another definition changes, by state."""

    plan: BulkRedrivePlan
    options: BulkRedriveOptions
    changes: Mapping[str, list[str]]

    def document(self, execute: bool) -> dict[str, Any]:
        """Return the plan as JSON data."""
        return {
            "execute": execute,
            "executions": [each.arn for each in self.plan.executions],
            "refused": [{"execution": each.arn, "reason": reason} for each, reason in self.plan.refused],
            "errors": self.plan.errors(),
            "changes": dict(self.changes),
        }


def plan(services: MachineServices, request: BulkRedriveRequest) -> PlannedRedrive:
    """Return the plan of a request. Changes nothing.

    Raises:
        CommandError: It names no executions, or something that does not exist.
    """
    if bool(request.executions) == bool(request.criteria.machine):
        raise CommandError("name executions, or give --machine with a filter")
    options = BulkRedriveOptions(request.inputs, _revision(services, request), request.canary, request.rate)
    if request.criteria.machine:
        found = bulk_redrive.plan_redrive(services, request.criteria.filter(services), options, request.limit)
    else:
        found = _named(services, request, options)
    return PlannedRedrive(found, options, _changes(services, found, options))


def _named(services: MachineServices, request: BulkRedriveRequest, options: BulkRedriveOptions) -> BulkRedrivePlan:
    executions = [references.find_execution(services, name) for name in request.executions]
    reasons = [(each, bulk_redrive.obstacle(services, each, options)) for each in executions]
    refused = tuple((each, reason) for each, reason in reasons if reason is not None)
    return BulkRedrivePlan(tuple(each for each, reason in reasons if reason is None), refused)


def _revision(services: MachineServices, request: BulkRedriveRequest) -> str | None:
    """Return the revision of the requested version; None for the definition of each execution."""
    if not request.version:
        return None
    reference = request.criteria.machine or request.executions[0]
    is_execution = reference.startswith("arn:") and ":execution:" in reference
    name = arns.parse(reference, "execution").name if is_execution else reference.partition("/")[0]
    record = references.find_machine(services, name)
    if request.version == LATEST:
        return record.revision
    try:
        found = services.table.version(record.name, parse_int(request.version, 1))
    except InvalidValueError:
        found = None
    if found is None:
        raise CommandError(f"{name} has no version {request.version}: headrace machine versions {name} lists them")
    return found.revision


def _changes(services: MachineServices, found: BulkRedrivePlan, options: BulkRedriveOptions) -> Mapping[str, list[str]]:
    """Return the fields that another definition changes, by state, over the first executions."""
    if options.revision is None:
        return {}
    changes: dict[str, list[str]] = {}
    for execution in found.executions[:SHOWN]:
        for each in bulk_redrive.findings(services, execution, options.revision):
            if each.changes:
                changes[each.state] = list(each.changes)
    return changes
