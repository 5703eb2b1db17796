"""Run components in containers: `python -m headrace.sandbox.cluster.containers aws|ai|init|ask URL`."""

from __future__ import annotations

import os
import sys
import time
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

from headrace.sandbox.cluster import contract, ministack

if TYPE_CHECKING:
    from headrace.schemas.serde.registry import SchemaRegistry

AWS_PORT, AI_PORT = 4566, 4567
REGISTRY_SECONDS, POLL_SECONDS = 120.0, 0.5
DATA = Path("/data")
ALL_INTERFACES = "0.0.0.0"
HOST_NAME = "HEADRACE_AWS_HOST"


def aws() -> None:
    """Run the local AWS on all interfaces. Does not return."""
    command = ministack.prepare(DATA, AWS_PORT)
    variables = {**command.variables, "BIND_HOST": ALL_INTERFACES, "MINISTACK_HOST": os.environ.get(HOST_NAME, "aws")}
    os.chdir(command.folder)
    os.execve(command.argv[0], list(command.argv), {**os.environ, **variables})


def ai() -> int:
    """Run the AI endpoint."""
    from headrace.sandbox.ai.__main__ import main

    return main(["--host", ALL_INTERFACES, "--port", str(AI_PORT), "--data", str(DATA)])


def init() -> None:
    """Create missing buckets, queues, notifications, topics and schemas."""
    from headrace.schemas.kafka.settings import RegistrySettings
    from headrace.schemas.serde import registry
    from headrace.schemas.settings import load

    ministack.apply(AWS_PORT)
    contract.apply_contract()
    if (connected := registry.create_client(load(RegistrySettings))) is not None:
        register(connected, time.monotonic() + REGISTRY_SECONDS)


def register(registry: SchemaRegistry, until: float) -> None:
    """Register the schemas as soon as the registry is available.

    Raises:
        RegistryUnavailableError: The registry is not available at `until`.
    """
    from headrace.schemas.serde import catalog
    from headrace.schemas.serde.codec import RegistryUnavailableError

    while True:
        try:
            registry.register(catalog.versions())
            return
        except RegistryUnavailableError:
            if time.monotonic() > until:
                raise
            time.sleep(POLL_SECONDS)


def ask(url: str) -> None:
    """Check that a URL returns a success status.

    Raises:
        OSError: It does not.
    """
    urllib.request.urlopen(url, timeout=3).close()


def main(arguments: list[str]) -> int:
    """Run the command named by the arguments."""
    match arguments:
        case ["aws"]:
            aws()
        case ["ai"]:
            return ai()
        case ["init"]:
            init()
        case ["ask", url]:
            ask(url)
        case _:
            sys.stderr.write(f"{__doc__}\n")
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
