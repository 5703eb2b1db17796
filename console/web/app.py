"""The web application: all routes behind the guard, and the middleware."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Mount, Route

from headrace.console.web import static_files
from headrace.console.web.access.control import AccessControl
from headrace.console.web.access.visitors import Visitor
from headrace.console.web.api.openapi import api_page
from headrace.console.web.failures import InvalidRequestError
from headrace.console.web.guard import UNKNOWN, RouteGuard
from headrace.console.web.http.headers import SecurityHeaders, content_security_policy
from headrace.console.web.http.host_check import HostCheck
from headrace.console.web.live.feeds import LiveFeeds
from headrace.console.web.login import LoginPages
from headrace.console.web.page import WebPage
from headrace.console.web.rendering import STATIC, STATIC_PATH
from headrace.console.web.request import MenuEntry
from headrace.console.web.services import ConsoleServices

HEALTH = "/live"


@dataclass(frozen=True, slots=True)
class SiteSettings:
    """Where the console is. `hosts` are its names besides localhost and addresses."""

    hosts: Collection[str] = ()
    tls: bool = False


def create_app(
    services: ConsoleServices, access: AccessControl, pages: Sequence[WebPage], site: SiteSettings = SiteSettings()
) -> Starlette:
    """Create the application."""
    pages = (*pages, api_page(pages))
    menu = tuple(MenuEntry(page.title, page.path) for page in pages if page.title)
    guard = RouteGuard(services, access, menu)
    feeds = LiveFeeds([feed for page in pages for feed in page.feeds], services)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        for each in services.background:
            each.start()
        yield
        for each in services.background:
            each.stop()
        await feeds.close()

    return Starlette(
        routes=[*routes(guard, pages, feeds), *LoginPages(guard).routes, Route(HEALTH, _health), _static()],
        middleware=[
            Middleware(SecurityHeaders, policy=content_security_policy(services.media_origins), tls=site.tls),
            Middleware(HostCheck, names=site.hosts),
        ],
        exception_handlers={HTTPException: _http_error(guard)},
        lifespan=lifespan,
    )


def routes(guard: RouteGuard, pages: Sequence[WebPage], feeds: LiveFeeds) -> list[BaseRoute]:
    """Return the routes of all pages and feeds. Each is guarded."""
    pages_ = [route for page in pages for route in page.routes]
    found = [Route(each.path, guard.page(each), methods=[each.method]) for each in (*pages_, *feeds.routes)]
    found += [Route(each.path, guard.api(each), methods=[each.method]) for page in pages for each in page.api]
    return [*found]


def _static() -> Mount:
    return Mount(STATIC_PATH, static_files.VersionedFiles(directory=STATIC))


async def _health(request: Request) -> Response:
    """Answer probes. The state of the pipeline is on the page Health."""
    return PlainTextResponse("ok")


def _http_error(guard: RouteGuard):  # type: ignore[no-untyped-def]
    async def handle(request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 500
        text = {404: "there is no such page", 405: "this address takes no such request"}.get(status, "not possible")
        context = guard.context(Visitor.of(request, guard.access.cookies), UNKNOWN)
        return guard.problem(request, context, InvalidRequestError(text, status))

    return handle
