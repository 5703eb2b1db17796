"""Run definitions from JSON lines: the form of the recorded executions and of `headrace machine test --batch`.

A line is `{"name", "definition", "input", "mocks"?}`.
Its answer is `{"name", "status", "output"?, "error"?, "cause"?}`.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from headrace.streams.machines.definition.parse import parse_machine
from headrace.streams.machines.errors import DefinitionError
from headrace.streams.machines.json_text import compact, read_json, repeated_name
from headrace.streams.machines.json_types import Json
from headrace.streams.machines.local_run.mocks import MockError
from headrace.streams.machines.local_run.run import LocalSettings, run_locally
from headrace.streams.machines.validation import validate


def answer_line(line: str | bytes, settings: LocalSettings) -> dict[str, Json]:
    """Return the answer to a line. A line that cannot run has the status INVALID, and its cause says why."""
    repeated: list[str] = []

    def members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        value = dict(pairs)
        if len(value) < len(pairs):
            repeated.append(f"an object of the line has the member {compact(repeated_name(pairs))} twice")
        return value

    try:
        case = read_json(line if isinstance(line, str) else line.decode("utf-8-sig"), members)
    except ValueError as error:
        return _invalid(None, f"the line is not JSON: {error}", "InvalidLine")
    name = case.get("name") if isinstance(case, dict) else None
    if repeated:
        return _invalid(name, repeated[0], "InvalidLine")
    if not isinstance(case, dict) or "definition" not in case:
        return _invalid(name, 'the line is not an object with "definition"', "InvalidLine")
    return answer_case(case, settings)


def answer_case(case: dict[str, Any], settings: LocalSettings) -> dict[str, Json]:
    """Return the answer to a parsed line. A task of a state without mocks returns its input."""
    name = case.get("name")
    definition = case["definition"]
    verdict = validate(definition if isinstance(definition, str) else json.dumps(definition))
    if not verdict.ok:
        return _invalid(name, verdict.describe(), "InvalidDefinition")
    try:
        machine = parse_machine(verdict.definition)
        mocks = {} if case.get("mocks") is None else case["mocks"]
        outcome = run_locally(machine, case.get("input", {}), mocks, replace(settings, echo=True))
    except DefinitionError as error:
        return _invalid(name, str(error), "InvalidDefinition")
    except MockError as error:
        return _invalid(name, str(error), "InvalidMocks")
    execution = outcome.execution
    answer = {"name": name, "status": execution.status}
    if execution.status == "SUCCEEDED":
        return {**answer, "output": execution.output}
    if execution.error is not None:
        answer["error"] = execution.error
    if execution.cause:
        answer["cause"] = execution.cause
    return answer


def _invalid(name: Json, cause: str, error: str) -> dict[str, Json]:
    return {"name": name, "status": "INVALID", "error": error, "cause": cause}
