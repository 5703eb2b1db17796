"""State machines in a sandbox: their stages, the projector of the views, and the Step Functions API."""

from __future__ import annotations

import os
import random
import sys
import time
from pathlib import Path

from headrace.sandbox.cluster import environment, processes
from headrace.sandbox.cluster.contract import apply_contract
from headrace.sandbox.cluster.ports import free_port, is_healthy
from headrace.sandbox.cluster.processes import ProcessCommand
from headrace.sandbox.cluster.state_file import RunningComponent, locked, read, write
from headrace.sandbox.demo import run
from headrace.sandbox.demo.isolation import isolate_environment
from headrace.sandbox.errors import SandboxError
from headrace.sandbox.names import endpoint

PIPELINE = "[stages.machines]\non = true\n"
NAME = "sfn"
START_SECONDS = 90.0
POLL_SECONDS = 0.1


def start_machines(folder: Path) -> str:
    """Run state machines on a sandbox that is up, and return the URL of their API once it answers.

    The variables of the sandbox are set for this process.

    Raises:
        SandboxError: The API does not start.
    """
    isolate_environment()
    run.choose_pipeline(folder, PIPELINE)
    os.environ.update(environment.of(folder))
    apply_contract()
    run.start_pipeline(folder)
    part = _start_api(folder)
    deadline = time.monotonic() + START_SECONDS
    while not is_healthy(part.port, "/health"):
        if not processes.is_alive(part) or time.monotonic() > deadline:
            raise SandboxError(f"the Step Functions API does not start: {part.log}")
        time.sleep(POLL_SECONDS)
    return endpoint(part.port)


def _start_api(folder: Path) -> RunningComponent:
    """Start the API as a component of the sandbox, unless it is running."""
    with locked(folder):
        state = read(folder)
        known = state.parts.get(NAME)
        if known is not None and processes.is_alive(known):
            return known
        port = free_port(known.port if known else None, state.ports.values(), random.Random())
        command = (sys.executable, "-P", "-m", "headrace.console", "machine", "api", "--port", str(port))
        part = processes.spawn(NAME, ProcessCommand(command, folder), port, folder / "logs" / f"{NAME}.log")
        write(folder, state.with_part(part))
        return part
