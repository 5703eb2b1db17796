"""The colours that a browser chose: a cookie, so that the server sends them and no page changes its colours later."""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.responses import RedirectResponse, Response

from headrace.console.web.page import WebPage, WebRoute
from headrace.console.web.rendering import THEME_COOKIE, THEMES
from headrace.console.web.request import ConsoleRequest

YEAR = 365 * 24 * 3600


def choose(request: ConsoleRequest) -> Response:
    """Keep the colours for a year, and return to the page."""
    came_from = urlsplit(request.raw.headers.get("referer", ""))
    is_own = came_from.netloc == request.raw.url.netloc and came_from.path.startswith("/")
    path = came_from._replace(scheme="", netloc="").geturl() if is_own and not came_from.path.startswith("//") else "/"
    response = RedirectResponse(path, 303)
    theme = request.query.get("to", "")
    if theme in THEMES:
        response.set_cookie(THEME_COOKIE, theme, max_age=YEAR, httponly=True, samesite="strict")
    else:
        response.delete_cookie(THEME_COOKIE)
    return response


PAGE = WebPage(title="", path="/theme", routes=(WebRoute("/theme", choose),))
