"""`headrace sandbox ledger` and `faults`: calls and injected faults of the AI endpoint."""

from __future__ import annotations

import json
import urllib.error
import urllib.parse
from pathlib import Path
from typing import Annotated, Any

import typer

from headrace.console.terminal.output import print_json, print_line
from headrace.console.terminal.screen import Console, Table
from headrace.sandbox.access.control import call_control
from headrace.sandbox.access.keys import control_token
from headrace.sandbox.errors import SandboxError
from headrace.sandbox.names import endpoint
from headrace.sandbox.paths import default_data

LedgerDataOption = Annotated[Path | None, typer.Option(help="Folder of the sandbox.", show_default=False)]
LedgerJsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON value.")]

faults = typer.Typer(no_args_is_help=True, help="Inject faults into the AI endpoint.")


def ledger(
    service: Annotated[str, typer.Option(help="Only calls of this service, such as rekognition.")] = "",
    operation: Annotated[str, typer.Option(help="Only this operation, such as DetectLabels.")] = "",
    asset: Annotated[str, typer.Option(help="Only calls for this bucket/key.")] = "",
    token: Annotated[str, typer.Option(help="Only calls with this idempotency key.")] = "",
    limit: Annotated[int, typer.Option(min=1, help="Maximum number of calls.")] = 20,
    data: LedgerDataOption = None,
    as_json: LedgerJsonOption = False,
) -> None:
    """Show the calls to the AI endpoint, newest first, and the number of jobs."""
    filters = {"service": service, "operation": operation, "asset": asset, "token": token, "limit": str(limit)}
    query = urllib.parse.urlencode({name: value for name, value in filters.items() if value})
    found = _call(data, f"/ledger?{query}")
    if as_json:
        print_json(found)
        return
    table = Table("service", "operation", "outcome", "asset", "job", box=None, pad_edge=False, header_style="bold")
    for call in found["calls"]:
        job = (call["job_id"] or "")[:36]
        table.add_row(call["service"], call["operation"], call["outcome"], call["asset"] or "", job)
    Console().print(table)
    outcomes = ", ".join(f"{number} {name}" for name, number in found["outcomes"].items())
    print_line(f"{sum(found['outcomes'].values())} calls: {outcomes or 'none'}")
    print_line(f"{found['jobs_started']} job starts, {found['jobs_unique']} distinct jobs")


@faults.command("list")
def show(data: LedgerDataOption = None, as_json: LedgerJsonOption = False) -> None:
    """Show the active faults with their numbers of matching and failed calls."""
    _show(_call(data, "/faults"), as_json)


@faults.command("set")
def put(
    operation: Annotated[str, typer.Argument(help="An operation such as DetectLabels; '*' for all.")],
    kind: Annotated[
        str,
        typer.Argument(
            help="throttle, error_500, error_after_effect, fail_job, lost_completion, duplicate_completion, "
            "late_completion, wrong_answer (Converse: the model answers with the reason)."
        ),
    ],
    share: Annotated[float, typer.Option(help="Share of the matching calls that fail, from 0 to 1.")] = 1.0,
    count: Annotated[int | None, typer.Option(help="Maximum number of failures.", show_default=False)] = None,
    seconds: Annotated[float, typer.Option(help="Delay of a late completion in seconds.")] = 0.0,
    reason: Annotated[
        str, typer.Option(help="Status message of a failed job, or the wrong answer.")
    ] = "Injected failure.",
    data: LedgerDataOption = None,
    as_json: LedgerJsonOption = False,
) -> None:
    """Activate a fault."""
    fault: dict[str, Any] = {"operation": operation, "kind": kind, "share": share, "seconds": seconds, "reason": reason}
    _show(_call(data, "/faults", "POST", fault | ({"count": count} if count else {})), as_json)


@faults.command()
def clear(data: LedgerDataOption = None) -> None:
    """Remove all faults."""
    _call(data, "/faults", "DELETE")
    print_line("No faults")


def _show(found: list[dict[str, Any]], as_json: bool) -> None:
    if as_json:
        print_json(found)
        return
    if not found:
        print_line("No faults")
        return
    table = Table("operation", "kind", "share", "seen", "struck", box=None, pad_edge=False, header_style="bold")
    for each in found:
        table.add_row(*(str(each[name]) for name in ("operation", "kind", "share", "seen", "struck")))
    Console().print(table)


def _call(data: Path | None, path: str, method: str = "GET", body: object = None) -> Any:
    """Call the AI endpoint of a sandbox. An error ends the command with one line and exit code 1."""
    from headrace.sandbox.cluster.processes import is_alive
    from headrace.sandbox.cluster.state_file import read

    try:
        state = read(data or default_data())
        part = state.parts.get("ai")
        if part is None or not is_alive(part):
            raise SandboxError("The sandbox is not up: start it with `headrace sandbox up`.")
        return call_control(endpoint(part.port) + path, method, body, control_token(state.access))
    except urllib.error.HTTPError as error:
        print_line(json.load(error)["error"], error=True)
    except (SandboxError, OSError) as error:
        print_line(str(error), error=True)
    raise typer.Exit(1)
