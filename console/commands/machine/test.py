"""`headrace machine test`: run a definition on this machine, with mocked tasks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from headrace.console.commands.machine.definition_file import cut, load_json, valid_definition
from headrace.console.terminal.output import print_answer, print_json, print_line, print_traceback
from headrace.console.terminal.user_files import read_document, read_lines

if TYPE_CHECKING:
    from headrace.streams.machines.local_run.run import LocalOutcome, LocalSettings
    from headrace.streams.machines.local_run.steps import RunStep


def run_machine(
    file: Annotated[str, typer.Argument(help="JSON file with the definition; - for stdin.", show_default=False)] = "",
    state: Annotated[
        str, typer.Option(help="Run only this state, as the AWS API TestState does.", show_default=False)
    ] = "",
    value: Annotated[
        str, typer.Option("--input", help="Input: JSON, @FILE, or - for stdin.", show_default=False)
    ] = "{}",
    mocks: Annotated[
        str,
        typer.Option(help='JSON file {state: [{"Return": ..} | {"Throw": {"Error", "Cause"}}]}.', show_default=False),
    ] = "",
    trace: Annotated[bool, typer.Option("--trace", help="Show each event of the history.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, with whole inputs and outputs.")] = False,
    batch: Annotated[
        typer.FileBinaryRead | None,
        typer.Option(help='Run JSON lines {"name", "definition", "input", "mocks"}; - for stdin.', show_default=False),
    ] = None,
) -> None:
    """Run a definition without a cluster, and print the path with the input and output of each state.

    Entry n of the mocks of a state answers its n-th call. Waits and retry delays take no time. The exit code is 0 if
    the run succeeds, else 1. With --state, the first mock of the state answers it, also for Parallel and Map states.

    --batch prints one JSON line per input line: {"name", "status", "output", "error", "cause"}. The status is
    SUCCEEDED, FAILED, TIMED_OUT or INVALID, for a line that cannot run. Tasks without mocks return their input.

    Example: headrace machine test order.asl.json --input '{"total": 12}' --mocks mocks.json
    """
    from headrace.console.errors import CommandError

    if (batch is None) == (not file):
        raise CommandError("exactly one of FILE and --batch FILE is required")
    if batch is not None:
        _run_batch(batch)
        return
    if state:
        from headrace.console.commands.machine.state_test import run_one_state

        run_one_state(read_document(file), state, read_input(value), _answers(mocks), as_json=as_json)
        return
    outcome = _run(file, value, mocks)
    _print_json(outcome, trace) if as_json else _print_text(outcome, trace)
    if outcome.execution.status != "SUCCEEDED":
        raise typer.Exit(1)


def _settings() -> LocalSettings:
    from datetime import UTC, datetime

    from headrace.streams.machines.local_run.run import LocalSettings

    return LocalSettings(datetime.now(UTC))


def _run_batch(lines: Any) -> None:
    from headrace.streams.machines.json_text import compact
    from headrace.streams.machines.local_run.batch import answer_line

    for line in read_lines(lines):
        if not line.strip():
            continue
        try:
            answer = compact(answer_line(line, _settings()))
        except Exception as error:  # a line never stops the lines after it
            print_traceback(error)
            failure = {"name": None, "status": "INVALID", "error": "InternalError", "cause": repr(error)}
            answer = compact(failure)
        print_answer(answer)


def _run(file: str, value: str, mocks: str) -> LocalOutcome:
    from headrace.console.errors import CommandError
    from headrace.streams.machines.definition.parse import parse_machine
    from headrace.streams.machines.errors import DefinitionError
    from headrace.streams.machines.local_run.mocks import MockError
    from headrace.streams.machines.local_run.run import run_locally

    definition = valid_definition(file)
    try:
        return run_locally(parse_machine(definition), read_input(value), _answers(mocks), _settings())
    except DefinitionError as error:
        raise CommandError(f"{file}: {error}") from error
    except MockError as error:
        raise CommandError(f"{error} (--mocks FILE)") from error


def _answers(mocks: str) -> Any:
    return load_json(read_document(mocks), f"the mocks in {mocks}") if mocks else {}


def read_input(value: str) -> Any:
    """Read an input: JSON, `@` and a file, or `-` for standard input."""
    text = read_document(value.removeprefix("@")) if value == "-" or value.startswith("@") else value
    return load_json(text, "the input")


def _print_json(outcome: LocalOutcome, trace: bool) -> None:
    from headrace.streams.machines.local_run.steps import steps_of

    execution = outcome.execution
    document = {"status": execution.status, "path": [step.as_json() for step in steps_of(outcome.events)]}
    document |= _ending(outcome)
    if trace:
        document["events"] = [
            {"id": event.id, "previousEventId": event.previous, "type": event.type, "details": event.details}
            for event in outcome.events
        ]
    print_json(document)


def _ending(outcome: LocalOutcome) -> dict[str, Any]:
    """Return the output, or the error and its cause."""
    execution = outcome.execution
    if execution.status == "SUCCEEDED":
        return {"output": execution.output}
    ending = {"error": execution.error, "cause": execution.cause}
    return {name: text for name, text in ending.items() if text is not None}


def _print_text(outcome: LocalOutcome, trace: bool) -> None:
    if trace:
        for event in outcome.events:
            print_line(f"{event.id:>4} {event.type} {_short(event.details)}")
    else:
        _print_path(outcome)
    ending = " ".join(
        f"{name} {_short(value) if name == 'output' else value}" for name, value in _ending(outcome).items()
    )
    print_line(f"{outcome.execution.status} {ending}".strip())


def _print_path(outcome: LocalOutcome) -> None:
    """Print each state with its input, the states inside it, and its output."""
    from headrace.streams.machines.local_run.steps import steps_of

    around: list[RunStep] = []
    for step in steps_of(outcome.events):
        while around and around[-1].level >= step.level:
            _print_end(around.pop())
        indent = "  " * step.level
        print_line(f"{indent}{step.state} ({step.type})")
        print_line(f"{indent}    input   {_short(step.input)}")
        around.append(step)
    while around:
        _print_end(around.pop())


def _print_end(step: RunStep) -> None:
    indent = "  " * step.level
    for error in step.errors:
        print_line(f"{indent}    error   {error.get('error', '')}: {cut(str(error.get('cause', '')))}")
    if step.exited:
        print_line(f"{indent}    output  {_short(step.output)}")


def _short(value: Any) -> str:
    from headrace.streams.machines.json_text import compact

    return cut(compact(value))
