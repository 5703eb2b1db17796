"""Only public addresses are reached, in whatever notation a private one is written."""

from __future__ import annotations

import socket
from ipaddress import ip_address

import pytest

from headrace.connectors.sinks.base import InvalidTargetError
from headrace.connectors.sinks.http import http_sink
from headrace.connectors.sinks.http_client import HttpTarget, post
from headrace.connectors.sinks.settings import TargetSettings
from headrace.connectors.sinks.ssrf_guard import (
    NO_PRIVATE_TARGETS,
    AddressGuard,
    PrivateAddressError,
    PrivateTargets,
    is_public,
    is_public_address,
)
from headrace.schemas.delivery import DeliveryError
from headrace.schemas.settings import SettingsError, load
from tests.support.http_server import Request, Response, serving

PRIVATE = [
    "127.0.0.1",
    "127.0.0.1.",
    "10.0.0.1",
    "169.254.169.254",
    "192.168.1.1",
    "172.16.0.1",
    "0.0.0.0",
    "0",
    "100.64.0.1",
    "192.0.0.1",
    "198.18.0.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "2130706433",
    "127.1",
    "0x7f.1",
    "0x7f000001",
    "0X7F.0.0.1",
    "0177.0.0.1",
    "017700000001",
    "①②⑦.0.0.1",
    "127。0。0。1",
    "127．0．0．1",
    "127｡0｡0｡1",
    "１２７.0.0.1",
    "𝟭𝟮𝟳.0.0.1",
    "1\u00ad27.0.0.1",
    "127.0.0\u200b.1",
    "1\ufe0f27.0.0.1",
    "[::1]",
    "[::]",
    "[fe80::1]",
    "[fe80::1%25eth0]",
    "[fc00::1]",
    "[fd00:ec2::254]",
    "[fec0::1]",
    "[ff02::1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:0:127.0.0.1]",
    "[::10.0.0.5]",
    "[::7f00:1]",
    "[64:ff9b::10.0.0.5]",
    "[64:ff9b::7f00:1]",
    "[64:ff9b:1::a00:5]",
    "[2002:7f00:1::]",
    "[2002:a00:5::1]",
    "[2001:0:4136:e378:8000:63bf:3fff:fdd2]",
    "[2001:db8::1]",
    "[3fff::1]",
    "[5f00::1]",
    "[100::1]",
    "[2606:4700::5efe:a00:5]",
    "[4000::1]",
]


@pytest.mark.parametrize("host", PRIVATE)
def test_private_address_is_rejected_in_every_notation(host: str) -> None:
    assert not is_public(host)
    with pytest.raises(InvalidTargetError):
        http_sink(f"https://{host}/hook", {})


@pytest.mark.parametrize("host", ["127.0.0.256", "1.2.3.4.5", "0x", "08.0.0.1", "1.2.3.0xg.9", "256.1"])
def test_number_that_is_no_address_is_rejected(host: str) -> None:
    assert not is_public(host)
    with pytest.raises(InvalidTargetError):
        http_sink(f"https://{host}/hook", {})


@pytest.mark.parametrize(
    "host",
    [
        "8.8.8.8",
        "[2606:4700:4700::1111]",
        "[64:ff9b::8.8.8.8]",
        "[2002:808:808::1]",
        "example.com",
        "bücher.example",
        "a1.example.",
        "3com.example",
    ],
)
def test_public_address_is_accepted(host: str) -> None:
    assert is_public(host)
    http_sink(f"https://{host}/hook", {})


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST", "ⓛocalhost"])
async def test_host_that_resolves_to_a_private_address_is_rejected(host: str) -> None:
    with pytest.raises(DeliveryError) as refused:
        await post(HttpTarget(f"https://{host}/hook"), b"", {})
    assert refused.value.kind == "permanent"


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "①②⑦.0.0.1", "127。0。0。1", "2130706433", "0x7f.1", "127.1", "[::1]", "[::ffff:127.0.0.1]"]
)
async def test_private_address_is_rejected_at_the_connection(host: str) -> None:
    """The target is created without `validate_url`: only the resolver and the socket are left to reject it."""
    served: list[Request] = []

    def answer(request: Request) -> Response:
        served.append(request)
        return Response()

    with serving(answer) as url, pytest.raises(DeliveryError) as refused:
        await post(HttpTarget(url.replace("127.0.0.1", host)), b"", {})
    assert refused.value.code in ("forbidden_address", "no_address")
    assert not served


def test_socket_is_created_for_public_addresses_only() -> None:
    guard = AddressGuard(NO_PRIVATE_TARGETS)
    info = (socket.AF_INET, socket.SOCK_STREAM, 6, "")
    with pytest.raises(PrivateAddressError):
        guard.open_socket((*info, ("10.0.0.5", 443)))
    with pytest.raises(PrivateAddressError):
        guard.open_socket((socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("fe80::1%lo", 443, 0, 1)))
    guard.open_socket((*info, ("8.8.8.8", 443))).close()


def test_network_of_the_worker_settings_is_allowed() -> None:
    targets = PrivateTargets.parse(["10.1.0.0/16", "fd00::/8", "hooks.internal", "127.0.0.1"])
    assert targets.allow_host("10.1.2.3")
    assert targets.allow_host("Hooks.Internal.")
    assert targets.allow_host("0x7f.1")
    assert targets.allow_address(ip_address("fd00::1"))
    assert not targets.allow_host("10.2.0.1")
    assert not targets.allow_host("other.internal")
    assert not targets.allow_address(ip_address("169.254.169.254"))


def test_address_of_an_allowed_name_is_allowed_for_that_name_only() -> None:
    guard = AddressGuard(PrivateTargets.parse(["hooks.internal"]))
    with pytest.raises(PrivateAddressError):
        guard.check("evil.example", "10.0.0.5")
    guard.check("hooks.internal", "10.0.0.5")
    guard.open_socket((socket.AF_INET, socket.SOCK_STREAM, 6, "", ("10.0.0.5", 443))).close()


@pytest.mark.parametrize("value", ["10.0.0.0/99", "1.2.3.999", "10.0.0.0/8,a/b"])
def test_invalid_network_in_the_settings_is_rejected(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADRACE_PRIVATE_TARGETS", value)
    with pytest.raises(SettingsError, match="HEADRACE_PRIVATE_TARGETS"):
        load(TargetSettings)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_redirect_is_not_followed(status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADRACE_PRIVATE_TARGETS", "127.0.0.1")
    served: list[Request] = []

    def answer(request: Request) -> Response:
        served.append(request)
        return Response(status, headers={"Location": "http://169.254.169.254/latest/"})

    with serving(answer) as url:
        response = await post(HttpTarget(url, load(TargetSettings).allowed), b"", {})
    assert response.status == status
    assert len(served) == 1


def test_every_part_of_ipv6_outside_global_unicast_is_private() -> None:
    for first in (*range(0x20), *range(0x40, 0x100)):
        assert not is_public_address(ip_address(f"{first:02x}11:2233::8")), first
