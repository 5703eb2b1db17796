"""A console with the access control that some settings name."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from starlette.testclient import TestClient

from headrace.console.web.access.methods import access_control
from headrace.console.web.access.users import UserRole
from headrace.console.web.access.users_file import UserEntry, hash_token, store_entry
from headrace.console.web.app import create_app
from headrace.console.web.page_table import PAGES
from headrace.console.web.settings import WebConsoleSettings
from tests.unit.console.web.conftest import ORIGIN, fake_services

PASSWORD = "correct horse battery"
TOKEN = "hrc_token"
PROXY = ("10.0.0.7", 1234)


def site(client: tuple[str, int] = ("127.0.0.1", 1), origin: str = ORIGIN, **settings: Any) -> TestClient:
    """Return a client of a console with some settings. Redirects are not followed."""
    access = access_control(WebConsoleSettings(**settings), b"s" * 32, 8088)
    app = create_app(fake_services(), access, PAGES)
    return TestClient(app, origin, follow_redirects=False, client=client)


def users_file(folder: Path, hashed: str, role: UserRole = UserRole.OPERATOR) -> Path:
    """Write a file with the user ann and a token of a viewer."""
    path = folder / "users"
    store_entry(path, UserEntry("password", "ann", role, hashed))
    store_entry(path, UserEntry("token", "ci", UserRole.VIEWER, hash_token(TOKEN)))
    return path


def csrf_of(page: str) -> str:
    """Return the token of the forms of a page."""
    found = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert found is not None
    return found[1]


def log_in(client: TestClient, password: str = PASSWORD, **fields: str) -> Any:
    """Send the login form."""
    token = csrf_of(client.get("/login").text)
    return client.post("/login", data={"csrf_token": token, "user": "ann", "password": password, **fields})
