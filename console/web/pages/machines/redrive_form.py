"""A request to redrive executions, from the parameters of an address, a form, or a JSON body."""

from __future__ import annotations

from typing import Any

import msgspec

from headrace.console.errors import CommandError
from headrace.console.machines.execution_criteria import ExecutionCriteria
from headrace.console.machines.redrive_request import BulkRedriveRequest
from headrace.console.web.failures import InvalidRequestError
from headrace.console.web.pages.machines import criteria
from headrace.console.web.pages.replays.forms import integer, number
from headrace.console.web.request import FormData
from headrace.schemas.parsing import InvalidValueError, parse_json

FIELDS = ("machine", "status", "error", "since", "until", "version", "canary", "rate", "limit")
MOST_RATE = 10_000.0
_USUAL = BulkRedriveRequest()


class RedriveBody(msgspec.Struct, forbid_unknown_fields=True):
    """The JSON body of a redrive: the fields of the command."""

    executions: tuple[str, ...] = ()
    machine: str = ""
    status: str = ""
    error: str = ""
    since: str = ""
    until: str = ""
    inputs: dict[str, Any] = {}
    version: str = ""
    canary: int = _USUAL.canary
    rate: float = _USUAL.rate
    limit: int = _USUAL.limit


def from_form(form: FormData) -> BulkRedriveRequest:
    """Return the request of an address or a form. Empty inputs replace nothing.

    Raises:
        CommandError: A value is invalid.
    """
    texts = zip(form.getlist("state"), form.getlist("input"), strict=False)
    return BulkRedriveRequest(
        executions=tuple(filter(None, form.getlist("execution"))),
        criteria=criteria.from_parameters(form),
        inputs={state: _json(state, text) for state, text in texts if state and text.strip()},
        version=form.get("version", "").strip(),
        canary=integer(form, "canary", _USUAL.canary) or 0,
        rate=_positive(number(form, "rate", _USUAL.rate, MOST_RATE)),
        limit=integer(form, "limit", _USUAL.limit, 1) or _USUAL.limit,
    )


def from_json(body: Any) -> BulkRedriveRequest:
    """Return the request of a JSON body.

    Raises:
        CommandError: A value is invalid.
        InvalidRequestError: It has other fields, or values of another type.
    """
    try:
        given = msgspec.convert(body, RedriveBody)
    except msgspec.ValidationError as error:
        raise InvalidRequestError(f"the body: {error}") from None
    if given.canary < 0 or given.limit < 1 or given.rate > MOST_RATE:
        raise InvalidRequestError(f"canary is at least 0, limit at least 1, rate at most {MOST_RATE:g}")
    found = ExecutionCriteria(given.machine, given.status, given.error, since=given.since, until=given.until)
    return BulkRedriveRequest(
        given.executions, found, given.inputs, given.version, given.canary, _positive(given.rate), given.limit
    )


def _positive(rate: float) -> float:
    if rate <= 0:
        raise CommandError("the rate is above 0 executions per second")
    return rate


def _json(state: str, text: str) -> Any:
    try:
        return parse_json(text)
    except InvalidValueError as error:
        raise CommandError(f"the input of {state} is not JSON: it is {error}") from None
