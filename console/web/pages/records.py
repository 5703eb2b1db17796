"""The page of one record of the log."""

from __future__ import annotations

from starlette.responses import Response

from headrace.console.web.failures import NotFoundError
from headrace.console.web.page import WebPage, WebRoute
from headrace.console.web.record_reader import parse_position, read_record
from headrace.console.web.record_view import record_view
from headrace.console.web.request import ConsoleRequest


def show(request: ConsoleRequest) -> Response:
    """Show a record by its position, `topic/partition/offset`."""
    position = parse_position(request.query.get("at", ""))
    entry = read_record(request.services, position)
    if entry is None:
        raise NotFoundError(f"{'/'.join(map(str, position))} is not on the log any more, or not yet")
    return request.render("record.html", record=record_view(entry))


PAGE = WebPage(title="", path="/records", routes=(WebRoute("/records", show),))
