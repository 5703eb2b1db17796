"""Criteria for executions, as commands, pages and the JSON API name them."""

from __future__ import annotations

from dataclasses import dataclass

from headrace.console.errors import CommandError
from headrace.console.machines import references
from headrace.console.machines.port import MachineServices
from headrace.console.terminal.timespec import parse_time
from headrace.console.views.queries.executions import ExecutionFilter

STATUSES = ("RUNNING", "SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED")


@dataclass(frozen=True, slots=True)
class ExecutionCriteria:
    """Texts of a user; empty ones do not filter. `machine` is a name or an ARN, `since` and `until` are times."""

    machine: str = ""
    status: str = ""
    error: str = ""
    asset: str = ""
    since: str = ""
    until: str = ""
    parent: str = ""
    map_run: str = ""

    def filter(self, services: MachineServices) -> ExecutionFilter:
        """Return the filter of the views.

        Raises:
            CommandError: There is no such machine or status, or a time is invalid.
        """
        now = services.now().timestamp()
        since, until = (parse_time(text, now) if text else None for text in (self.since, self.until))
        return ExecutionFilter(
            machine=references.find_machine(services, self.machine).arn if self.machine else None,
            status=self.checked_status(),
            error=self.error or None,
            asset=self.asset or None,
            parent=self.parent or None,
            map_run=self.map_run or None,
            started_since=since,
            started_until=until,
        )

    def checked_status(self) -> str | None:
        """Return the status in capitals.

        Raises:
            CommandError: There is no such status.
        """
        status = self.status.upper()
        if status and status not in STATUSES:
            raise CommandError(f"status {self.status}: one of {', '.join(STATUSES)}")
        return status or None
