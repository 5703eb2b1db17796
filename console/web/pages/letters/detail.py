"""The page of one dead letter, and what an operator can do about it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, get_args

from starlette.responses import Response

from headrace.console.dlq.dispositions import ManualDisposition
from headrace.console.dlq.operations import DeadLetters, Resolution
from headrace.console.dlq.suggestions import suggestion
from headrace.console.errors import CommandError
from headrace.console.terminal.operator import current_operator
from headrace.console.views.queries.last_good import last_processed_input
from headrace.console.web.failures import NotFoundError
from headrace.console.web.pages.letters import listing
from headrace.console.web.record_reader import parse_position, read_record
from headrace.console.web.record_view import RecordView, compared, record_view
from headrace.console.web.request import ConsoleRequest

STATUSES: tuple[ManualDisposition, ...] = get_args(ManualDisposition)


def show(request: ConsoleRequest) -> Response:
    """Show a dead letter in full."""
    letter = _letter(request)
    position = parse_position(letter["record"])
    entry = read_record(request.services, position)
    record = record_view(entry) if entry else None
    good = _last_good(request, letter["stage"])
    return request.render(
        "letter.html",
        letter=letter,
        asset=getattr(entry.event, "asset", None) if entry else None,
        record=record,
        good=good,
        lines=compared(good.text, record.text) if good and record and good.text and record.text else (),
        suggestion=suggestion(letter["code"]),
        statuses=STATUSES,
    )


def letter_json(request: ConsoleRequest) -> Mapping[str, Any]:
    """Return a dead letter as `headrace dlq show --json` prints it."""
    return _letter(request)


def resolve(request: ConsoleRequest) -> Response:
    """Resolve a dead letter with a reason."""
    id_, status = request.form.get("id", ""), request.form.get("status", "")
    if status not in STATUSES:
        raise CommandError(f"the status is one of {', '.join(STATUSES)}")
    why = request.form.get("why", "")
    if not why.strip():
        raise CommandError("a reason is required: it is recorded with your name")
    _service(request).resolve([id_], Resolution(status, why, current_operator()), datetime.now(UTC))
    return request.redirect(f"/letters/one?id={id_}", notice="resolved; the views show it in a moment")


def unresolve(request: ConsoleRequest) -> Response:
    """Open a resolved dead letter again."""
    given = [request.form.get("id", "")]
    [id_] = _service(request).unresolve(given, current_operator(), datetime.now(UTC))
    return request.redirect(f"/letters/one?id={id_}", notice="open again; the views show it in a moment")


def _service(request: ConsoleRequest) -> DeadLetters:
    return DeadLetters(request.services.cluster(), [stage.name for stage in request.services.stages()])


def _letter(request: ConsoleRequest) -> Mapping[str, Any]:
    id_ = request.query.get("id", "")
    if not id_:
        raise NotFoundError("there is no dead letter without an id")
    return listing.reports(request.services).show(id_).data


def _last_good(request: ConsoleRequest, name: str) -> RecordView | None:
    """Return the last record that the stage processed."""
    stage = next((each for each in request.services.stages() if each.name == name), None)
    if stage is None:
        return None
    with request.services.connect() as connection:
        position = last_processed_input(connection, name, [topic.name for topic in stage.reads])
    entry = read_record(request.services, position) if position else None
    return record_view(entry) if entry else None
