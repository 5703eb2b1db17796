"""The answer of TestState."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from headrace.streams.machines.execution.data_flow import Completed
from headrace.streams.machines.json_text import compact
from headrace.streams.machines.json_types import Json

TestStatus = Literal["SUCCEEDED", "FAILED", "RETRIABLE", "CAUGHT_ERROR"]
_NUMBERS = ("maxConcurrency", "toleratedFailureCount", "toleratedFailurePercentage")
_ABSENT: Any = object()


@dataclass(slots=True)
class StateAnswer:
    """A tested state: how it ended, and its data after each step."""

    status: TestStatus = "SUCCEEDED"
    output: Json = _ABSENT
    next_state: str | None = None
    error: str | None = None
    cause: str | None = None
    data: dict[str, Json] = field(default_factory=dict)
    error_details: dict[str, Json] = field(default_factory=dict)

    def complete(self, completed: Completed, next_state: str | None) -> None:
        """Set the output, the next state and the assigned variables."""
        self.output, self.next_state = completed.output, next_state
        if completed.assigned:
            self.data["variables"] = {**self.data.get("variables", {}), **completed.assigned}

    def as_json(self, level: str) -> dict[str, Any]:
        """Return the response of the AWS API, whose values are JSON texts."""
        response: dict[str, Any] = {"status": self.status}
        texts = {"error": self.error, "cause": self.cause, "nextState": self.next_state}
        response |= {name: text for name, text in texts.items() if text is not None}
        if self.output is not _ABSENT:
            response["output"] = compact(self.output)
        if level != "INFO":
            inspection = {name: value if name in _NUMBERS else compact(value) for name, value in self.data.items()}
            details = {"errorDetails": self.error_details} if self.error_details else {}
            response["inspectionData"] = {**inspection, **details}
        return response
