"""The pages on which users log in and out. They are open to everyone."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import structlog
from starlette.concurrency import run_in_threadpool
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from headrace.console.terminal.formatting import format_duration
from headrace.console.web.access.identity import sender
from headrace.console.web.access.oidc import OidcProvider, SigninState
from headrace.console.web.failures import ForbiddenError, InvalidRequestError, NotFoundError
from headrace.console.web.guard import LOGIN, RouteGuard
from headrace.console.web.rendering import render_fragment
from headrace.console.web.request import ConsoleRequest

LOGOUT = "/logout"
PROVIDER = "/login/oidc"
CALLBACK = "/login/callback"
SIGNIN_SECONDS = 600.0
WRONG = "wrong user name or password"

log = structlog.get_logger("headrace")


@dataclass(frozen=True, slots=True)
class LoginPages:
    """The login pages of a console."""

    guard: RouteGuard

    @property
    def routes(self) -> list[Route]:
        """Return the routes. Without a way to log in there are none."""
        access = self.guard.access
        if not access.has_login:
            return []
        found = [
            Route(LOGIN, self.guard.open(self.show), methods=["GET"]),
            Route(LOGOUT, self.guard.open(self.log_out), methods=["POST"]),
        ]
        if access.users is not None:
            found.append(Route(LOGIN, self.guard.open(self.log_in), methods=["POST"]))
        if access.provider is not None:
            found.append(Route(PROVIDER, self.guard.open(self.to_provider), methods=["GET"]))
            found.append(Route(CALLBACK, self.guard.open(self.from_provider), methods=["GET"]))
        return found

    def show(self, request: ConsoleRequest) -> Response:
        """Show the form."""
        return self._page(request, request.query.get("next", "/"))

    async def log_in(self, request: ConsoleRequest) -> Response:
        """Check a password, and begin a session."""
        access, users = self.guard.access, self.guard.access.users
        assert users is not None
        name, target = request.form.get("user", ""), request.form.get("next", "/")
        address = sender(request.raw, access.proxies)
        wait = access.limit.wait_seconds(address, name)
        if wait:
            text = f"too many failed logins: try again in {format_duration(wait)}"
            return self._page(request, target, text, 429)
        entry = await run_in_threadpool(users.check_password, name, request.form.get("password", ""))
        if entry is None:
            access.limit.failed(address, name)
            log.warning("login_failed", user=name, address=address)
            return self._page(request, target, WRONG, 403)
        log.info("login", user=name, address=address)
        response = RedirectResponse(own_path(target), 303)
        access.cookies.begin(response, name, "password", (entry.fingerprint,))
        return response

    def log_out(self, request: ConsoleRequest) -> Response:
        """End the session."""
        response = RedirectResponse(LOGIN, 303)
        self.guard.access.cookies.end(request.raw, response)
        return response

    async def to_provider(self, request: ConsoleRequest) -> Response:
        """Redirect to the provider."""
        url, signin = await self._provider.begin(own_path(request.query.get("next", "/")))
        response = RedirectResponse(url, 303)
        # Lax: the browser comes back from another site.
        self.guard.access.cookies.write(response, "signin", asdict(signin), SIGNIN_SECONDS, lax=True)
        return response

    async def from_provider(self, request: ConsoleRequest) -> Response:
        """Verify what the provider returned, and begin a session."""
        cookies = self.guard.access.cookies
        kept = cookies.read(request.raw, "signin", SIGNIN_SECONDS)
        if kept is None or request.query.get("state") != kept["state"]:
            raise InvalidRequestError("the login has expired or was started elsewhere: log in again", 403)
        if "code" not in request.query:
            raise ForbiddenError(f"the provider did not log you in: {request.query.get('error', 'no code')}")
        signin = SigninState(kept["state"], kept["nonce"], kept["verifier"], kept["next"])
        identity = await self._provider.finish(request.query["code"], signin)
        log.info("login", user=identity.name, address=sender(request.raw, self.guard.access.proxies))
        # A redirect would come from the provider for the browser, which then sends no strict cookie.
        response = HTMLResponse(render_fragment("reload.html", path=own_path(signin.next)))
        cookies.begin(response, identity.name, "oidc", identity.groups)
        cookies.delete(response, "signin")
        return response

    @property
    def _provider(self) -> OidcProvider:
        provider = self.guard.access.provider
        if provider is None:
            raise NotFoundError("there is no OpenID Connect provider")
        return provider

    def _page(self, request: ConsoleRequest, target: str, problem: str = "", status: int = 200) -> Response:
        access = self.guard.access
        return request.render(
            "login.html",
            status,
            next=own_path(target),
            problem=problem,
            has_passwords=access.users is not None,
            has_provider=access.provider is not None,
        )


def own_path(target: str) -> str:
    r"""Return a path of this console, else its first page. Browsers read `//host` and `/\host` as another host."""
    is_own = target.startswith("/") and not target.startswith(("//", "/\\")) and target.isprintable()
    return target if is_own and "\\" not in target else "/"
