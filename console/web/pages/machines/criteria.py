"""The filter of executions in addresses. Its names are those of `headrace machine list`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from headrace.console.errors import CommandError
from headrace.console.machines.execution_criteria import ExecutionCriteria
from headrace.console.machines.port import MachineServices
from headrace.console.views.queries.executions import ExecutionPosition, StoredExecution
from headrace.console.web.request import FormData
from headrace.schemas.parsing import InvalidValueError, parse_int

PAGE = 50
MOST = 1_000
"""Executions of one answer of the JSON API."""
NAMES = tuple(each.name for each in fields(ExecutionCriteria))


@dataclass(frozen=True, slots=True)
class ExecutionPage:
    """A page of executions, newest first. `after` is the last ARN if there is a next page."""

    criteria: ExecutionCriteria
    executions: tuple[StoredExecution, ...]
    after: str

    def given(self) -> dict[str, Any]:
        """Return the filters that are set."""
        return {name: value for name in NAMES if (value := getattr(self.criteria, name))}

    def next_page(self) -> dict[str, Any]:
        """Return the parameters of the next page."""
        return {**self.given(), "after": self.after}


def from_parameters(parameters: FormData) -> ExecutionCriteria:
    """Read criteria from the parameters of an address; unknown ones are ignored."""
    values: Mapping[str, str] = {name: parameters.get(name, "").strip() for name in NAMES}
    return ExecutionCriteria(**values)


def read_page(services: MachineServices, parameters: FormData, limit: int = PAGE) -> ExecutionPage:
    """Return the executions of an address.

    Raises:
        CommandError: A parameter is invalid.
    """
    criteria = from_parameters(parameters)
    wanted = criteria.filter(services)
    found = services.reader.newest(wanted, limit + 1, _position(services, parameters.get("after", "")))
    after = found[limit - 1].arn if len(found) > limit else ""
    return ExecutionPage(criteria, tuple(found[:limit]), after)


def parse_limit(parameters: FormData) -> int:
    """Return the maximum number of executions. Raises `CommandError` for an invalid one."""
    text = parameters.get("limit", "")
    try:
        return parse_int(text, 1, MOST) if text else PAGE
    except InvalidValueError as error:
        raise CommandError(f"the limit is {error}: a number from 1 to {MOST:,}") from None


def _position(services: MachineServices, arn: str) -> ExecutionPosition | None:
    if not arn:
        return None
    execution = services.reader.one(arn)
    if execution is None:
        raise CommandError(f"no execution {arn}, behind which the page begins")
    return ExecutionPosition(execution.started_at, arn)
