"""Stop an execution."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
from starlette.responses import Response

from headrace.console.machines import documents, starts
from headrace.console.web.failures import InvalidRequestError
from headrace.console.web.pages.machines.execution import PATH
from headrace.console.web.pages.machines.found import execution_named
from headrace.console.web.rendering import address
from headrace.console.web.request import ConsoleRequest


class StopBody(msgspec.Struct, forbid_unknown_fields=True):
    """The JSON body of a stop."""

    arn: str
    error: str | None = None
    cause: str | None = None


def show(request: ConsoleRequest) -> Response:
    """Ask for the error and the cause of a stop."""
    execution = execution_named(request.services.machines(), request.query.get("arn", ""))
    return request.render("execution_stop.html", execution=execution, machine=execution.machine.rpartition(":")[2])


def stop(request: ConsoleRequest) -> Response:
    """Stop an execution."""
    services = request.services.machines()
    execution = execution_named(services, request.form.get("arn", ""))
    error, cause = (request.form.get(name, "").strip() or None for name in ("error", "cause"))
    asyncio.run(starts.stop(services, execution, error, cause))
    was_running = execution.status == starts.RUNNING
    notice = f"{execution.name} is being stopped" if was_running else f"{execution.name} had ended: {execution.status}"
    return request.redirect(address(PATH, arn=execution.arn), notice=notice)


def stop_json(request: ConsoleRequest) -> dict[str, Any]:
    """Stop an execution, and return it as it was before."""
    try:
        given = msgspec.convert(request.body, StopBody)
    except msgspec.ValidationError as error:
        raise InvalidRequestError(f"the body: {error}") from None
    services = request.services.machines()
    execution = execution_named(services, given.arn)
    asyncio.run(starts.stop(services, execution, given.error, given.cause))
    return documents.execution_document(execution)
