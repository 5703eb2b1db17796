"""Allow connections to public addresses only, and to private ones that the worker's settings name.

An address is judged three times: as it is written in a rule, after name resolution, and when the socket is created.

Sources: OWASP, "Server-Side Request Forgery Prevention Cheat Sheet"; IANA IPv6 Special-Purpose Address Registry;
RFC 6052 (NAT64), RFC 3056 (6to4), RFC 5214 (ISATAP), RFC 4291 2.5.5 (IPv4-compatible and IPv4-mapped).
"""

from __future__ import annotations

import asyncio
import ipaddress
import re
import socket
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Any

from aiohttp.abc import AbstractResolver, ResolveResult

HostAddress = IPv4Address | IPv6Address

_GLOBAL_UNICAST = IPv6Network("2000::/3")
"""The only part of IPv6 from which public addresses are assigned."""
_WITH_IPV4_AT_THE_END = tuple(IPv6Network(f"{prefix}/96") for prefix in ("::ffff:0:0", "64:ff9b::"))
_TRANSITION = tuple(map(IPv6Network, ("2001::/32", "3fff::/20")))
"""Teredo, whose peers are behind other hosts, and addresses for documentation, which Python 3.11 calls global."""
_ISATAP = re.compile(r"0[02]005efe")
_DOTS = str.maketrans({"。": ".", "．": ".", "｡": "."})
_NUMERIC_LABEL = re.compile(r"[0-9]+|0x[0-9a-f]*")


class PrivateAddressError(OSError):
    """The address is private, local or reserved."""


@dataclass(frozen=True, slots=True)
class PrivateTargets:
    """The private hosts, by name, and networks that may be addressed."""

    hosts: frozenset[str] = frozenset()
    networks: tuple[IPv4Network | IPv6Network, ...] = ()

    @classmethod
    def parse(cls, texts: Iterable[str]) -> PrivateTargets:
        """Parse host names, addresses and networks. Raises ValueError for an invalid network."""
        hosts, networks = set(), []
        for text in texts:
            if "/" in text or literal_address(text) is not None:
                networks.append(ipaddress.ip_network(literal_address(text) or text, strict=False))
            else:
                hosts.add(normalized_host(text))
        return cls(frozenset(hosts), tuple(networks))

    def allow_host(self, host: str) -> bool:
        """Whether a host is named, by name or by an address in a named network."""
        address = literal_address(host)
        return self.allow_address(address) if address is not None else normalized_host(host) in self.hosts

    def allow_address(self, address: HostAddress) -> bool:
        """Whether an address is in a named network."""
        return any(address in network for network in self.networks)


NO_PRIVATE_TARGETS = PrivateTargets()


class AddressGuard:
    """Judges the addresses of one connection: after name resolution, and when its socket is created."""

    def __init__(self, allowed: PrivateTargets) -> None:
        self._allowed = allowed
        self._by_name: set[HostAddress] = set()
        """Addresses of a host that is allowed by name."""

    def check(self, host: str, address: str) -> None:
        """Raise `PrivateAddressError` if the address of a host is neither public nor allowed."""
        parsed = ipaddress.ip_address(address.partition("%")[0])
        if self._allowed.allow_host(host):
            self._by_name.add(parsed)
        elif not is_public_address(parsed) and not self._allowed.allow_address(parsed):
            raise PrivateAddressError(f"{host} leads to {address}, which is no public address")

    def open_socket(self, address_info: tuple[Any, ...]) -> socket.socket:
        """Create the socket for an address. Raises `PrivateAddressError`."""
        family, kind, protocol, _, address = address_info
        parsed = ipaddress.ip_address(str(address[0]).partition("%")[0])
        if parsed not in self._by_name and not is_public_address(parsed) and not self._allowed.allow_address(parsed):
            raise PrivateAddressError(f"{parsed} is no public address")
        return socket.socket(family, kind, protocol)


class GuardedResolver(AbstractResolver):
    """Resolves names to addresses that a guard accepts."""

    def __init__(self, guard: AddressGuard) -> None:
        self._guard = guard

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Return the addresses of a host. Raises `PrivateAddressError` if one of them is not accepted."""
        loop = asyncio.get_running_loop()
        infos = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, family=family)
        results = []
        for kind, _, protocol, _, address in infos:
            self._guard.check(host, str(address[0]))
            results.append(
                ResolveResult(
                    hostname=host,
                    host=str(address[0]),
                    port=port,
                    family=kind,
                    proto=protocol,
                    flags=socket.AI_NUMERICHOST,
                )
            )
        return results

    async def close(self) -> None:
        """Required by aiohttp; there is nothing to close."""


def is_public(host: str) -> bool:
    """Whether a host is a public address, or a name, which is checked when it is resolved."""
    try:
        address = literal_address(host)
    except ValueError:
        return False
    return address is None or is_public_address(address)


def literal_address(host: str) -> HostAddress | None:
    """Return the address that a host is in any notation; None for a name.

    A host whose last label is a number is an IPv4 address, with the short, octal and hexadecimal notations of
    `inet_aton`. Source: WHATWG URL Standard, "host parsing". Raises ValueError for an invalid one.
    """
    text = normalized_host(host)
    try:
        return ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        if not _NUMERIC_LABEL.fullmatch(text.rpartition(".")[2]):
            return None
    try:
        return IPv4Address(socket.inet_aton(text))
    except (OSError, UnicodeError):
        raise ValueError(f"{text} is not an address") from None


def normalized_host(host: str) -> str:
    """Return a host as a client looks it up: compatibility characters, dots, case, brackets and final dot replaced.

    Source: Unicode Technical Standard 46. Characters that it ignores are removed.
    """
    text = unicodedata.normalize("NFKC", host.translate(_DOTS)).translate(_DOTS).casefold()
    visible = "".join(char for char in text if unicodedata.category(char) not in ("Cf", "Mn", "Me"))
    return visible.strip("[]").rstrip(".")


def is_public_address(address: HostAddress) -> bool:
    """Whether an address is public. An IPv4 address within an IPv6 address has to be public as well."""
    if isinstance(address, IPv4Address):
        return address.is_global and not address.is_multicast
    embedded = _embedded(address)
    if any(address in network for network in _WITH_IPV4_AT_THE_END):
        return embedded is not None and is_public_address(embedded)
    if address not in _GLOBAL_UNICAST or not address.is_global or any(address in each for each in _TRANSITION):
        return False
    return embedded is None or is_public_address(embedded)


def _embedded(address: IPv6Address) -> IPv4Address | None:
    """Return the IPv4 address within an address; None if there is none."""
    if address.sixtofour is not None:
        return address.sixtofour
    last = IPv4Address(int(address) & 0xFFFFFFFF)
    is_isatap = _ISATAP.fullmatch(f"{int(address) >> 32 & 0xFFFFFFFF:08x}") is not None
    return last if is_isatap or any(address in network for network in _WITH_IPV4_AT_THE_END) else None
