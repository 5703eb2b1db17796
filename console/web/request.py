"""What the handler of a page gets, and how it answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from starlette.datastructures import ImmutableMultiDict, QueryParams
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from headrace.console.web.access.users import ConsoleUser, UserRole
from headrace.console.web.rendering import THEME_COOKIE, THEMES, csrf_field, environment
from headrace.console.web.services import ConsoleServices

FormData = ImmutableMultiDict[str, str]
AddNotice = Callable[[Response, str], None]
"""Adds a notice for the next page to a response."""


@dataclass(frozen=True, slots=True)
class MenuEntry:
    """An entry of the menu."""

    title: str
    path: str


@dataclass(frozen=True, slots=True)
class RequestContext:
    """The user of a request, what its pages show around their content, and the token of its forms."""

    user: ConsoleUser
    csrf_token: str
    menu: tuple[MenuEntry, ...] = ()
    notice: str = ""
    add_notice: AddNotice = lambda response, notice: None
    can_log_out: bool = False


@dataclass(frozen=True, slots=True)
class ConsoleRequest:
    """A request that was authorised, with its form or JSON body."""

    raw: Request
    services: ConsoleServices
    context: RequestContext
    form: FormData
    body: Any = None
    """The JSON of a request to the API."""

    @property
    def user(self) -> ConsoleUser:
        """The user."""
        return self.context.user

    @property
    def path(self) -> dict[str, Any]:
        """The parameters in the path."""
        return self.raw.path_params

    @property
    def query(self) -> QueryParams:
        """The parameters of the query."""
        return self.raw.query_params

    @property
    def is_partial(self) -> bool:
        """Whether htmx wants a part of a page."""
        headers = self.raw.headers
        return "hx-request" in headers and "hx-boosted" not in headers

    def render(self, template: str, status: int = 200, **values: Any) -> HTMLResponse:
        """Render a template with what every page knows, and `values`."""
        known = {
            "user": self.user,
            "roles": UserRole,
            "read_only": self.services.read_only,
            "may_change": not self.services.read_only and self.user.may(UserRole.OPERATOR),
            "menu": self.context.menu,
            "here": self.raw.url.path,
            "current": current_entry(self.context.menu, self.raw.url.path),
            "theme": theme if (theme := self.raw.cookies.get(THEME_COOKIE, "")) in THEMES else "",
            "notice": self.context.notice,
            "csrf_token": self.context.csrf_token,
            "csrf_field": partial(csrf_field, self.context.csrf_token),
            "can_log_out": self.context.can_log_out,
        }
        return HTMLResponse(environment().get_template(template).render({**known, **values}), status)

    def redirect(self, path: str, notice: str = "") -> Response:
        """Redirect to a page of the console, which shows the notice once."""
        if self.is_partial:
            response = Response(status_code=204, headers={"HX-Redirect": path})
        else:
            response = RedirectResponse(path, 303)
        if notice:
            self.context.add_notice(response, notice)
        return response


def current_entry(menu: Sequence[MenuEntry], path: str) -> str:
    """Return the path of the menu entry that a page belongs to; empty if there is none."""
    paths = [entry.path for entry in menu]
    if path in paths:
        return path
    return next((entry for entry in paths if entry != "/" and path.startswith(f"{entry}/")), "")
