"""What a page declares: its menu entry, routes, API operations and live feeds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from headrace.console.web.access.users import UserRole
from headrace.console.web.request import ConsoleRequest
from headrace.console.web.services import ConsoleServices

HttpMethod = Literal["GET", "POST", "PUT", "DELETE"]
PageHandler = Callable[[ConsoleRequest], Any]
"""Returns a response. A sync function runs in a worker thread, an async one on the event loop."""
ApiHandler = Callable[[ConsoleRequest], Any]
"""Returns JSON data."""
ReadFeed = Callable[[ConsoleServices], Mapping[str, str]]
"""Returns the text of each event."""


@dataclass(frozen=True, slots=True)
class WebRoute:
    """A path with its handler, and the lowest role that may use it."""

    path: str
    handler: PageHandler
    method: HttpMethod = "GET"
    role: UserRole = UserRole.VIEWER

    @property
    def changes(self) -> bool:
        """Whether a request changes something."""
        return self.method != "GET"


@dataclass(frozen=True, slots=True)
class ApiParameter:
    """A parameter of an operation: in its path if the path names it, in the body of a change, else in the query."""

    name: str
    kind: Literal["string", "integer", "number", "boolean", "object"]
    description: str
    required: bool = False
    repeats: bool = False
    values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ApiOperation:
    """An operation of the JSON API. `command` is the command that prints the same data with `--json`."""

    path: str
    handler: ApiHandler
    summary: str
    parameters: tuple[ApiParameter, ...] = ()
    method: HttpMethod = "GET"
    role: UserRole = UserRole.VIEWER
    command: str = ""

    @property
    def changes(self) -> bool:
        """Whether a request changes something."""
        return self.method != "GET"


@dataclass(frozen=True, slots=True)
class LiveFeed:
    """A stream of server-sent events. `read` runs every `seconds` while a viewer is connected; changes are sent."""

    path: str
    read: ReadFeed
    seconds: float = 1.0


@dataclass(frozen=True, slots=True)
class WebPage:
    """A page or a group of pages. Without a title it has no entry in the menu."""

    title: str
    path: str
    routes: tuple[WebRoute, ...]
    api: tuple[ApiOperation, ...] = ()
    feeds: tuple[LiveFeed, ...] = ()
