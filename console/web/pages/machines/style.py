"""The stylesheet of drawn machines."""

from __future__ import annotations

from starlette.responses import Response

from headrace.console.web.request import ConsoleRequest
from headrace.streams.machines import drawing


def show(_: ConsoleRequest) -> Response:
    """Return the stylesheet. Its colours are in `machines.css`."""
    return Response(drawing.RULES, media_type="text/css", headers={"cache-control": "no-cache"})
