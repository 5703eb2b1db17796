"""The web console of a sandbox."""

from __future__ import annotations

import random
import sys
import time
from pathlib import Path

from headrace.sandbox.cluster import processes
from headrace.sandbox.cluster.ports import free_port, is_healthy
from headrace.sandbox.cluster.processes import ProcessCommand
from headrace.sandbox.cluster.state_file import locked, read, write
from headrace.sandbox.errors import SandboxError
from headrace.sandbox.names import HOST

NAME = "console"
PORT = 8088
START_SECONDS = 60.0
POLL_SECONDS = 0.1


def start_console(folder: Path) -> str:
    """Start the console as a component of the sandbox, if it is not running. Returns its URL.

    Raises:
        SandboxError: it does not start.
    """
    with locked(folder):
        state = read(folder)
        part = state.parts.get(NAME)
        if part is None or not processes.is_alive(part):
            taken = {each.port for each in state.parts.values()}
            port = free_port(part.port if part else PORT, taken, random.Random())
            arguments = ("headrace.console", "console", "--port", str(port))
            command = ProcessCommand((sys.executable, "-P", "-m", *arguments), folder)
            part = processes.spawn(NAME, command, port, folder / "logs" / f"{NAME}.log")
            write(folder, state.with_part(part))
    deadline = time.monotonic() + START_SECONDS
    while not is_healthy(part.port, "/live"):
        if not processes.is_alive(part) or time.monotonic() > deadline:
            raise SandboxError(f"the web console does not start: {part.log}")
        time.sleep(POLL_SECONDS)
    return f"http://{HOST}:{part.port}"
