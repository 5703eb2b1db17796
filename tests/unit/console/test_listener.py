"""Addresses of servers: URLs that a browser opens, and addresses that cannot be used."""

from __future__ import annotations

import socket

import pytest

from headrace.console.errors import CommandError
from headrace.console.listener import base_url, open_listener


@pytest.mark.parametrize(
    ("host", "tls", "url"),
    [
        ("127.0.0.1", False, "http://127.0.0.1:8088"),
        ("::1", False, "http://[::1]:8088"),
        ("console.example.com", True, "https://console.example.com:8088"),
    ],
)
def test_url_of_an_address(host: str, tls: bool, url: str) -> None:
    assert base_url(host, 8088, tls) == url


def test_address_in_use_names_the_options() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(CommandError, match=rf"^127\.0\.0\.1 port {port}: .*: choose another one with --host"):
            open_listener("127.0.0.1", port)
