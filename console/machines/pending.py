"""What this process did, and the views do not show yet."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any

from headrace.console.views.queries.executions import StoredExecution
from headrace.streams.machines.json_types import Json

MOST = 10_000


@dataclass(frozen=True, slots=True)
class PendingStart:
    """An execution that was started, with its input."""

    execution: StoredExecution
    input: Json


@dataclass(slots=True)
class PendingStarts:
    """Executions that this process has started last, by ARN."""

    _starts: OrderedDict[str, PendingStart] = field(default_factory=OrderedDict)

    def add(self, start: PendingStart) -> None:
        """Add a start; the oldest one is dropped beyond `MOST`."""
        _keep(self._starts, start.execution.arn, start)

    def get(self, arn: str) -> PendingStart | None:
        """Return a start; None if this process did not start the execution lately."""
        return self._starts.get(arn)

    def drop(self, arn: str) -> None:
        """Forget a start that the views show."""
        self._starts.pop(arn, None)

    def all(self) -> list[PendingStart]:
        """Return all starts, oldest first."""
        return list(self._starts.values())


@dataclass(slots=True)
class RecentAnswers:
    """Values by key that make repeated requests recognisable, such as task tokens and client tokens."""

    _answers: OrderedDict[str, Any] = field(default_factory=OrderedDict)

    def add(self, key: str, value: Any = True) -> None:
        """Add a value; the oldest one is dropped beyond `MOST`."""
        _keep(self._answers, key, value)

    def get(self, key: str) -> Any:
        """Return a value; None without one."""
        return self._answers.get(key)


def _keep(entries: OrderedDict[str, Any], key: str, value: Any) -> None:
    entries[key] = value
    entries.move_to_end(key)
    if len(entries) > MOST:
        entries.popitem(last=False)
