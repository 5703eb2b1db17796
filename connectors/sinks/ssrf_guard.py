"""Which addresses may be called: public ones. Looked at after names are resolved, so that no name leads elsewhere."""

from __future__ import annotations

import asyncio
import ipaddress
import socket

from aiohttp.abc import AbstractResolver, ResolveResult


class PrivateAddressError(OSError):
    """An address of an inner network, of this machine, or of nobody."""


class PublicOnlyResolver(AbstractResolver):
    """Resolves names to public addresses and to no others."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Give the addresses of a host. Raises `Forbidden` if any of them is not public."""
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, family=family)
        results = []
        for kind, _, protocol, _, address in found:
            if not is_public(str(address[0])):
                raise PrivateAddressError(f"{host} leads to {address[0]}, which is no public address")
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
        """Hold nothing."""


def is_public(host: str) -> bool:
    """Whether a host may be called as far as its name tells; a name that is no address is looked up later."""
    try:
        address = ipaddress.ip_address(host.strip("[]").partition("%")[0])
    except ValueError:
        return True
    inner = getattr(address, "ipv4_mapped", None) or getattr(address, "sixtofour", None)
    return address.is_global and not address.is_multicast and (inner is None or inner.is_global)
