"""HTTP calls of state machines: what a task asks for, and the response."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class HttpCall:
    """A request with the authentication of a connection, named as in its ARN."""

    connection: str
    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """A response of any status. Header names are in lower case."""

    status: int
    reason: str
    headers: Mapping[str, list[str]]
    body: bytes


class HttpCalls(Protocol):
    """Calls HTTP APIs through the connections of the worker's settings."""

    async def call(self, call: HttpCall) -> HttpAnswer:
        """Make a call and return the response, without secrets.

        Raises:
            DeliveryError: There is no such connection, its URL does not cover the call, or there is no response.
        """
        ...
