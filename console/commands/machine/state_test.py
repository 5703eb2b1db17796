"""`headrace machine test --state`: run one state of a definition, as the AWS API TestState does."""

from __future__ import annotations

from typing import Any

import typer

from headrace.console.commands.machine.definition_file import cut
from headrace.console.terminal.output import print_json, print_line

ROLE = "arn:aws:iam::123456789012:role/local"


def run_one_state(definition: str, state: str, value: Any, mocks: Any, *, as_json: bool) -> None:
    """Run a state, and print its data after each step. Exit code 1 if it fails.

    Raises:
        CommandError: The definition or the mock is not usable.
    """
    import json
    from datetime import UTC, datetime

    from headrace.connectors.aws.aws_shapes import output_shape
    from headrace.console.errors import CommandError
    from headrace.streams.machines.json_text import compact
    from headrace.streams.machines.test_state import TestStateError, answer_request

    request = {
        "definition": definition,
        "stateName": state,
        "input": compact(value),
        "inspectionLevel": "TRACE",
        "roleArn": ROLE,
        "mock": _mock(state, mocks),
    }
    try:
        response = answer_request(request, datetime.now(UTC), output_shape)
    except TestStateError as error:
        hint = " (--mocks FILE)" if "mock" in error.message.lower() else ""
        raise CommandError(f"{state}: {error.message}{hint}") from error
    if as_json:
        print_json(response)
    else:
        for name, text in response["inspectionData"].items():
            print_line(f"    {name}  {cut(text if isinstance(text, str) else json.dumps(text))}")
        fields = ("output", "nextState", "error", "cause")
        print_line(" ".join([response["status"], *(f"{name} {response[name]}" for name in fields if name in response)]))
    if response["status"] == "FAILED":
        raise typer.Exit(1)


def _mock(state: str, mocks: Any) -> dict[str, Any] | None:
    """Return the first mock of a state in the form of TestState.

    Raises:
        CommandError: The mocks are malformed.
    """
    from headrace.console.errors import CommandError
    from headrace.streams.machines.json_text import compact
    from headrace.streams.machines.local_run.mocks import MockError, Mocks

    try:
        parsed = Mocks(mocks)
    except MockError as error:
        raise CommandError(f"{error} (--mocks FILE)") from error
    if not parsed.has(state):
        return None
    answer = parsed.next(state, None)
    if answer.failed:
        return {"errorOutput": {"error": answer.error, "cause": answer.cause}}
    return {"result": compact(answer.result)}
