"""Authorise a request, read its body, call its handler, and turn errors into responses."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import structlog
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import ImmutableMultiDict
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from headrace.console.terminal.operator import acting_as
from headrace.console.web.access.control import AccessControl
from headrace.console.web.access.csrf import FIELD, HEADER, check_origin, check_token
from headrace.console.web.access.users import ConsoleUser, UserRole
from headrace.console.web.access.visitors import Visitor, local_path
from headrace.console.web.failures import UNEXPECTED, ForbiddenError, HttpProblem, InvalidRequestError, problem_of
from headrace.console.web.http import bodies
from headrace.console.web.page import ApiOperation, PageHandler, WebRoute
from headrace.console.web.rendering import render_fragment
from headrace.console.web.request import ConsoleRequest, FormData, MenuEntry, RequestContext
from headrace.console.web.services import ConsoleServices
from headrace.schemas.safe_text import safe_json

log = structlog.get_logger("headrace")

LOGIN = "/login"
NO_LOGIN = "log in, or send a token: Authorization: Bearer TOKEN"
UNKNOWN = ConsoleUser("", UserRole.VIEWER)
NO_FORM: FormData = ImmutableMultiDict()
Endpoint = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class RouteGuard:
    """Lets requests through to handlers."""

    services: ConsoleServices
    access: AccessControl
    menu: tuple[MenuEntry, ...]

    def page(self, route: WebRoute) -> Endpoint:
        """Return the endpoint of a page."""

        async def endpoint(request: Request) -> Response:
            visitor = Visitor.of(request, self.access.cookies)
            if visitor.must_reload:
                return HTMLResponse(render_fragment("reload.html", path=local_path(request)))
            context = self.context(visitor, UNKNOWN)
            try:
                user = self.access.identify(request)
                if user is None:
                    return self._login(request)
                context = self.context(visitor, user)
                self.check_role(user, route)
                form = await self._form(request, context) if route.changes else NO_FORM
                if route.changes:
                    log.info("console_change", user=user.name, path=route.path)
                response: Response = await call(route.handler, ConsoleRequest(request, self.services, context, form))
            except Exception as error:
                response = self.problem(request, context, error)
            visitor.remember(response)
            return response

        return endpoint

    def open(self, handler: PageHandler) -> Endpoint:
        """Return the endpoint of a page that is open to everyone. A form has its token all the same."""

        async def endpoint(request: Request) -> Response:
            visitor = Visitor.of(request, self.access.cookies)
            context = self.context(visitor, UNKNOWN)
            try:
                form = await self._form(request, context) if request.method == "POST" else NO_FORM
                response: Response = await call(handler, ConsoleRequest(request, self.services, context, form))
            except Exception as error:
                response = self.problem(request, context, error)
            if not visitor.must_reload:
                visitor.remember(response)
            return response

        return endpoint

    def api(self, operation: ApiOperation) -> Endpoint:
        """Return the endpoint of an operation of the JSON API."""

        async def endpoint(request: Request) -> Response:
            try:
                user = self.access.identify(request)
                if user is None:
                    raise InvalidRequestError(NO_LOGIN, 401)
                self.check_role(user, operation)
                body = await self._json(request) if operation.changes else None
                if operation.changes:
                    log.info("console_change", user=user.name, path=operation.path)
                context = self.context(Visitor.of(request, self.access.cookies), user)
                given = ConsoleRequest(request, self.services, context, NO_FORM, body)
                return json_response(await call(operation.handler, given))
            except Exception as error:
                found = explained(request, error)
                return json_response({"error": found.message}, found.status)

        return endpoint

    def check_role(self, user: ConsoleUser, route: WebRoute | ApiOperation) -> None:
        """Check that a user may use a route.

        Raises:
            ForbiddenError: the role does not suffice, or the console is read-only.
        """
        if not user.may(route.role):
            raise ForbiddenError(f"{user.name} is {user.role.label}: this needs the role {route.role.label}")
        if route.changes and self.services.read_only:
            raise ForbiddenError("this console is read-only")

    def context(self, visitor: Visitor, user: ConsoleUser) -> RequestContext:
        """Return what the pages of a request show around their content."""
        menu = () if user is UNKNOWN else self.menu
        return RequestContext(user, visitor.csrf_token, menu, visitor.notice, visitor.add_notice, visitor.has_session)

    def problem(self, request: Request, context: RequestContext, error: Exception) -> Response:
        """Return an error as a page, or as a part of one."""
        found = explained(request, error)
        given = ConsoleRequest(request, self.services, context, NO_FORM)
        template = "_problem.html" if given.is_partial else "problem.html"
        return given.render(template, found.status, problem=found, again=request.method == "GET")

    async def _form(self, request: Request, context: RequestContext) -> FormData:
        check_origin(request, self.access.origin)
        if bodies.media_type(request) not in ("", bodies.FORM):
            raise InvalidRequestError(f"send {bodies.FORM}", 415)
        form = bodies.parse_form(await bodies.read_body(request))
        check_token(context.csrf_token, request.headers.get(HEADER) or form.get(FIELD, ""))
        return form

    async def _json(self, request: Request) -> Any:
        """Read JSON. Its type cannot be sent by a form of another site."""
        check_origin(request, self.access.origin)
        if bodies.media_type(request) != bodies.JSON:
            raise InvalidRequestError(f"send {bodies.JSON}", 415)
        return bodies.parse_json(await bodies.read_body(request))

    def _login(self, request: Request) -> Response:
        """Send a visitor to the login page; a part of a page sends the whole page there."""
        if request.url.path.startswith("/api/"):
            return json_response({"error": NO_LOGIN}, 401)
        if not self.access.has_login:
            return HTMLResponse(render_fragment("denied.html"), 403)
        path = f"{LOGIN}?{urlencode({'next': local_path(request)})}" if request.method == "GET" else LOGIN
        if "hx-request" in request.headers:
            return Response(status_code=401, headers={"HX-Redirect": LOGIN})
        return Response(status_code=303, headers={"location": path})


async def call(handler: Callable[[ConsoleRequest], Any], request: ConsoleRequest) -> Any:
    """Call a handler: an async one on the event loop, another one in a worker thread."""
    with acting_as(request.user.name):
        if inspect.iscoroutinefunction(handler):
            return await handler(request)
        return await run_in_threadpool(handler, request)


def json_response(document: Any, status: int = 200) -> Response:
    """Return JSON without secrets."""
    headers = {"www-authenticate": "Bearer"} if status == 401 else None
    return Response(safe_json(document), status, headers, bodies.JSON)


def explained(request: Request, error: Exception) -> HttpProblem:
    """Describe an error; an unexpected one is logged."""
    found = problem_of(error)
    if found is None:
        log.error("request_failed", method=request.method, path=request.url.path, exc_info=error)
        return HttpProblem(500, UNEXPECTED)
    if found.is_outage:
        log.warning("dependency_unavailable", path=request.url.path, reason=found.message)
    return found
