"""The pipeline: its stages, live."""

from __future__ import annotations

from starlette.responses import Response

from headrace.console.web.page import WebPage, WebRoute
from headrace.console.web.request import ConsoleRequest


def show(request: ConsoleRequest) -> Response:
    """Show the stages."""
    return request.render("pipeline.html", stages=request.services.stages())


PAGE = WebPage(title="Pipeline", path="/", routes=(WebRoute("/", show),))
