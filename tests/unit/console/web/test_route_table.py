"""Every route needs a login, and every change needs a role, a token and an origin."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.routing import Mount, Route
from starlette.testclient import TestClient

from headrace.console.web.access.users import UserRole
from headrace.console.web.api.openapi import api_page
from headrace.console.web.app import HEALTH, create_app
from headrace.console.web.guard import LOGIN
from headrace.console.web.login import CALLBACK, LOGOUT, PROVIDER
from headrace.console.web.page import ApiOperation, WebRoute
from headrace.console.web.page_table import PAGES
from headrace.console.web.rendering import STATIC_PATH
from tests.unit.console.web.access.site import site, users_file
from tests.unit.console.web.conftest import ORIGIN, control, fake_services

OPEN = {HEALTH, LOGIN, LOGOUT, PROVIDER, CALLBACK, STATIC_PATH}
ROUTES: list[WebRoute | ApiOperation] = [route for page in PAGES for route in page.routes]
OPERATIONS: list[WebRoute | ApiOperation] = [operation for page in (*PAGES, api_page(PAGES)) for operation in page.api]
DECLARED = ROUTES + OPERATIONS
FEEDS = [feed.path for page in PAGES for feed in page.feeds]


def requests_of(app: Starlette) -> Iterator[tuple[str, str]]:
    """Yield method and path of every route that is not open to everyone."""
    for route in app.routes:
        assert isinstance(route, Route | Mount)
        if route.path in OPEN:
            continue
        assert isinstance(route, Route), route
        for method in sorted((route.methods or set()) - {"HEAD"}):
            yield method, re.sub(r"\{[^}]*\}", "1", route.path)


def test_every_route_is_declared_by_a_page() -> None:
    app = create_app(fake_services(), control(), PAGES)
    paths = {route.path for route in app.routes if isinstance(route, Route | Mount)}
    assert paths - OPEN == {each.path for each in DECLARED} | set(FEEDS)


def test_no_route_answers_without_a_login(tmp_path: Path) -> None:
    client = site(users_file=users_file(tmp_path, "$argon2id$x"))
    assert isinstance(client.app, Starlette)
    for method, path in requests_of(client.app):
        response = client.request(method, path)
        if path.startswith("/api/"):
            assert response.status_code == 401, path
        else:
            assert (response.status_code, response.headers["location"].partition("?")[0]) == (303, LOGIN), path


def test_changes_need_an_operator() -> None:
    assert {each.path for each in DECLARED if each.changes and each.role < UserRole.OPERATOR} == set()


@pytest.mark.parametrize("role", UserRole)
def test_role_of_each_change(role: UserRole) -> None:
    client = TestClient(create_app(fake_services(), control(role), PAGES), ORIGIN, follow_redirects=False)
    for each in DECLARED:
        if not each.changes:
            continue
        response = client.request(each.method, re.sub(r"\{[^}]*\}", "1", each.path))
        if role < each.role:
            assert response.status_code == 403, each.path
            assert "needs the role" in response.text
        elif isinstance(each, WebRoute):
            assert response.status_code == 403, each.path
            assert "form has expired" in response.text, "no token"
        else:
            assert response.status_code == 415, "a form of another site can send no JSON"


def test_read_only_console_changes_nothing() -> None:
    services = replace(fake_services(), read_only=True)
    client = TestClient(create_app(services, control(), PAGES), ORIGIN)
    for each in DECLARED:
        if each.changes:
            response = client.request(each.method, re.sub(r"\{[^}]*\}", "1", each.path))
            assert response.status_code == 403, each.path
            assert "read-only" in response.text
