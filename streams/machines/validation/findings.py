"""Findings of the validation, with the codes of the AWS API ValidateStateMachineDefinition."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

Severity = Literal["ERROR", "WARNING"]
Code = Literal[
    "INVALID_JSON_DESCRIPTION",
    "SCHEMA_VALIDATION_FAILED",
    "MISSING_TRANSITION_TARGET",
    "MISSING_END_STATE",
    "DUPLICATE_STATE_NAME",
    "INVALID_STATE_NAME",
    "DUPLICATE_LABEL_NAME",
    "INVALID_LABEL_NAME",
    "TOO_DEEPLY_NESTED",
    "INVALID_JSONATA_EXPRESSION",
    "UNSUPPORTED_JSONATA_EXPRESSION",
    "NO_DOLLAR",
    "NO_PATH",
    "PASS_RESULT_IS_STATIC",
]
MAX_FINDINGS = 1_000
"""A hostile document could have a million."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One error or warning. The location is a path such as `/States/A/Choices[0]/Next`."""

    severity: Severity
    code: Code
    message: str
    location: str | None

    def as_json(self) -> dict[str, str]:
        """Return the finding in the form of the AWS API, without an empty location."""
        members = {"severity": self.severity, "code": self.code, "message": self.message}
        return members if self.location is None else {**members, "location": self.location}


@dataclass(frozen=True, slots=True)
class Report:
    """The findings so far, each once, and at most `MAX_FINDINGS`."""

    findings: dict[Finding, None] = field(default_factory=dict)

    def error(self, code: Code, message: str, location: str | None) -> None:
        """Add an error."""
        self._add(Finding("ERROR", code, message, location))

    def warning(self, code: Code, message: str, location: str) -> None:
        """Add a warning."""
        self._add(Finding("WARNING", code, message, location))

    @property
    def full(self) -> bool:
        """Whether further findings are dropped."""
        return len(self.findings) >= MAX_FINDINGS

    def _add(self, finding: Finding) -> None:
        if not self.full:
            self.findings[finding] = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """The result of a validation, and the parsed definition; None if it is no JSON object."""

    findings: tuple[Finding, ...]
    truncated: bool
    definition: dict[str, Any] | None

    @property
    def ok(self) -> bool:
        """Whether there is no error. Warnings do not count."""
        return all(finding.severity != "ERROR" for finding in self.findings)

    def as_json(self) -> dict[str, Any]:
        """Return the response of ValidateStateMachineDefinition."""
        return {
            "result": "OK" if self.ok else "FAIL",
            "diagnostics": [finding.as_json() for finding in self.findings],
            "truncated": self.truncated,
        }

    def describe(self) -> str:
        """Return the errors in the words of CreateStateMachine."""
        errors = [each for each in self.findings if each.severity == "ERROR"]
        texts = [f"{each.code}: {each.message} at {each.location or 'null'}" for each in errors]
        return f"Invalid State Machine Definition: '{', '.join(texts)}'"
