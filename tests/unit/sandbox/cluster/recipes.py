"""Small servers in place of Kafka and AWS."""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable
from typing import Any

from headrace.sandbox.cluster.components import Component, ComponentContext
from headrace.sandbox.cluster.processes import ProcessCommand

SERVER = "import socket, sys, time; listening = socket.create_server(('127.0.0.1', int(sys.argv[1]))); time.sleep(60)"


def server(name: str, before: Callable[[ComponentContext], object] = lambda _site: None, **options: Any) -> Component:
    """A component that listens on its port; `before` is called when it is prepared."""

    def prepare(site: ComponentContext) -> ProcessCommand:
        before(site)
        return ProcessCommand((sys.executable, "-c", SERVER, str(site.ports[name])), site.data)

    return Component(name, (name,), prepare, lambda _port: True, **options)


def failing(name: str, code: str = "print('no disk'); raise SystemExit(3)", **options: Any) -> Component:
    """A component that never listens."""
    return Component(
        name,
        (name,),
        lambda site: ProcessCommand((sys.executable, "-c", code), site.data),
        lambda _port: True,
        **options,
    )


class Thief:
    """Occupies the port of a component before it starts, once."""

    def __init__(self) -> None:
        self.port = 0
        self._socket = socket.socket()

    def __call__(self, site: ComponentContext) -> None:
        """Listen on the port of the component `aws`."""
        if not self.port:
            self.port = site.ports["aws"]
            self._socket.bind(("127.0.0.1", self.port))
            self._socket.listen()

    def close(self) -> None:
        """Release the port."""
        self._socket.close()
