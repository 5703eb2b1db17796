"""Log in with a password: sessions, roles, CSRF and the limit of failures."""

from __future__ import annotations

import functools
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from starlette.testclient import TestClient

from headrace.console.web.access.users import UserRole
from headrace.console.web.access.users_file import UserEntry, store_entry
from headrace.console.web.login import own_path
from tests.unit.console.web.access.site import PASSWORD, TOKEN, log_in, site, users_file


@functools.cache
def quick_hash() -> str:
    """Hash the password with little memory: its parameters are part of the hash."""
    return PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return users_file(tmp_path, quick_hash())


@pytest.fixture
def client(file: Path) -> TestClient:
    return site(users_file=file)


def test_login_leads_to_the_page_and_logout_ends_the_session(client: TestClient) -> None:
    first = client.get("/?a=1")
    assert (first.status_code, first.headers["location"]) == (303, "/login?next=%2F%3Fa%3D1")
    response = log_in(client, next="/?a=1")
    assert (response.status_code, response.headers["location"]) == (303, "/?a=1")
    cookie = response.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "samesite=strict" in cookie.lower()
    page = client.get("/")
    assert "ann" in page.text
    assert "operator" in page.text

    copied = dict(client.cookies)
    token = page.text.partition('csrf_token" value="')[2].partition('"')[0]
    assert client.post("/logout", data={"csrf_token": token}).headers["location"] == "/login"
    client.cookies.update(copied)
    assert client.get("/").status_code == 303, "a copy of the cookie is worth nothing"


def test_login_sets_a_new_session_id(client: TestClient) -> None:
    client.get("/login")
    before = dict(client.cookies)
    log_in(client)
    first = dict(client.cookies)
    log_in(client)
    assert before.keys() < first.keys(), "the id from before the login is no session"
    name = next(name for name in first if "session" in name)
    assert client.cookies[name] != first[name]


def test_wrong_password_and_unknown_user_look_the_same(client: TestClient) -> None:
    wrong, unknown = log_in(client, "not the password"), log_in(client, user="bob")
    assert (wrong.status_code, unknown.status_code) == (403, 403)
    assert "wrong user name or password" in wrong.text
    assert "wrong user name or password" in unknown.text


def test_failures_are_limited(client: TestClient) -> None:
    for _ in range(10):
        assert log_in(client, "not the password", user="bob").status_code == 403
    limited = log_in(client)
    assert limited.status_code == 429
    assert "try again in" in limited.text


def test_change_of_role_or_password_applies_at_once(client: TestClient, file: Path) -> None:
    log_in(client)
    store_entry(file, UserEntry("password", "ann", UserRole.ADMIN, quick_hash()))
    assert "admin" in client.get("/").text
    other = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash("another password")
    store_entry(file, UserEntry("password", "ann", UserRole.ADMIN, other))
    assert client.get("/").status_code == 303


def test_form_needs_its_token_and_its_origin(client: TestClient) -> None:
    assert client.post("/login", data={"user": "ann", "password": PASSWORD}).status_code == 403
    client.headers["origin"] = "https://evil.example"
    assert log_in(client).status_code == 403
    client.headers["origin"] = "http://127.0.0.1:8088"
    assert log_in(client).status_code == 303


def test_forged_cookie_is_no_session(client: TestClient) -> None:
    log_in(client)
    name = next(name for name in dict(client.cookies) if "session" in name)
    body, _, digest = client.cookies[name].partition(".")
    client.cookies.clear()
    for forged in (f"{body}.{digest[:-2]}AA", f"{body}.", "x.y", f"{body}\xe9.{digest}"):
        assert client.get("/", headers={"cookie": f"{name}={forged}".encode("latin-1")}).status_code == 303
    valid = f"{name}={body}.{digest}"
    assert client.get("/", headers={"cookie": valid}).status_code == 200


def test_link_from_another_site_reloads_before_the_login(client: TestClient) -> None:
    log_in(client)
    kept = dict(client.cookies)
    client.cookies.clear()  # a browser sends no strict cookie
    page = client.get("/?a=1&b=<", headers={"sec-fetch-site": "cross-site"})
    assert page.status_code == 200
    assert 'content="0;url=/?a=1&amp;b=' in page.text
    assert "set-cookie" not in page.headers
    client.cookies.update(kept)
    assert client.get("/?a=1").status_code == 200


def test_token_of_a_viewer(client: TestClient) -> None:
    known = {"authorization": f"Bearer {TOKEN}"}
    assert "viewer" in client.get("/", headers=known).text
    assert client.get("/", headers={"authorization": "Bearer other"}).status_code == 303


@pytest.mark.parametrize(
    "target", ["//evil.example", "/\\evil.example", "https://evil.example", "evil", "", "/a\\b", "/\t/e"]
)
def test_login_redirects_only_to_the_console(target: str) -> None:
    assert own_path(target) == "/"


def test_login_redirects_to_the_page() -> None:
    assert own_path("/assets?q=a b") == "/assets?q=a b"
