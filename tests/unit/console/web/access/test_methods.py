"""Which users the settings admit, and which settings are rejected at the start."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from headrace.console.errors import CommandError
from headrace.console.web.access.methods import access_control
from headrace.console.web.settings import WebConsoleSettings
from tests.unit.console.web.access.site import PROXY, site

PROXIED = {"proxy_header": "X-User", "proxy_addresses": "10.0.0.0/8", "operators": "ann", "host": "0.0.0.0"}
OIDC = {"oidc_issuer": "https://id.example", "oidc_client_id": "console", "oidc_client_secret": "s", "viewers": "*"}


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"host": "0.0.0.0"}, "without a login"),
        ({"host": "::"}, "without a login"),
        ({"host": "console.example"}, "without a login"),
        ({"proxy_header": "X-User"}, "HEADRACE_CONSOLE_PROXY_ADDRESSES"),
        ({**PROXIED, "operators": ""}, "HEADRACE_CONSOLE_VIEWERS"),
        ({**OIDC, "viewers": ""}, "HEADRACE_CONSOLE_VIEWERS"),
        ({**OIDC, "oidc_issuer": "http://id.example"}, "https://"),
        ({**OIDC, "oidc_client_id": ""}, "HEADRACE_CONSOLE_OIDC_CLIENT_ID"),
        ({**OIDC, "host": "0.0.0.0"}, "HEADRACE_CONSOLE_URL"),
        ({**OIDC, "host": "0.0.0.0", "url": "http://console.example"}, "unencrypted"),
    ],
)
def test_incomplete_settings_are_rejected(settings: dict[str, Any], text: str) -> None:
    with pytest.raises(CommandError, match=text):
        access_control(WebConsoleSettings(**settings), b"s" * 32, 1)


def test_users_file_is_checked_at_the_start(tmp_path: Path) -> None:
    file = tmp_path / "users"
    file.write_text("# none\n")
    with pytest.raises(CommandError, match="headrace console password"):
        access_control(WebConsoleSettings(users_file=file), b"s" * 32, 1)
    file.write_text("password ann king hunter2\n")
    with pytest.raises(CommandError, match="line 1") as raised:
        access_control(WebConsoleSettings(users_file=file), b"s" * 32, 1)
    assert "hunter2" not in str(raised.value)


def test_loopback_needs_no_login() -> None:
    assert "admin" in site().get("/").text


def test_trusted_proxy_names_the_user() -> None:
    page = site(PROXY, **PROXIED).get("/", headers={"x-user": "ann"})
    assert page.status_code == 200
    assert "operator" in page.text


@pytest.mark.parametrize(
    ("client", "headers"),
    [
        (("192.0.2.1", 1), [("x-user", "ann")]),
        (PROXY, []),
        (PROXY, [("x-user", "")]),
        (PROXY, [("x-user", "ann"), ("x-user", "bob")]),
        (PROXY, [("x-user", "bob")]),
    ],
    ids=["another sender", "no header", "empty", "two", "no role"],
)
def test_other_requests_are_refused(client: tuple[str, int], headers: list[tuple[str, str]]) -> None:
    assert site(client, **PROXIED).get("/", headers=headers).status_code == 403


def test_cookies_are_secure_behind_tls() -> None:
    page = site(PROXY, url="https://console.example", **PROXIED).get("/", headers={"x-user": "ann"})
    cookie = page.headers["set-cookie"]
    assert cookie.startswith("__Host-")
    assert "Secure" in cookie
