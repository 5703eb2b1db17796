"""`headrace machine api`: the Step Functions API."""

from __future__ import annotations

from typing import Annotated

import typer

from headrace.console.terminal.output import print_line


def api(
    host: Annotated[str | None, typer.Option(help="Address (default: HEADRACE_MACHINES_HOST or 127.0.0.1).")] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Port (default: HEADRACE_MACHINES_PORT or 8089); 0: any free.")
    ] = None,
    json_logs: Annotated[bool, typer.Option("--json-logs", help="Write logs as JSON.")] = False,
) -> None:
    """Serve the API of AWS Step Functions until Ctrl-C, for boto3, the AWS CLI and all AWS SDKs.

    Calls are signed with HEADRACE_MACHINES_ACCESS_KEY_ID and its secret, or else with the key of the AWS SDKs. Clients
    find the API with AWS_ENDPOINT_URL_SFN.
    Executions are read from the views: keep headrace views run running.
    """
    from headrace.console.machines.api.server import serve
    from headrace.console.machines.settings import MachineApiSettings
    from headrace.schemas.settings import load

    if json_logs:
        from headrace.schemas.runtime import logging

        logging.configure(json=True)
    given = {"host": host, "port": port}
    settings = load(MachineApiSettings, **{name: value for name, value in given.items() if value is not None})
    serve(settings, lambda url: print_line(f"Step Functions API: {url}"))
