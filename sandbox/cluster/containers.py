"""The parts of a sandbox in containers of their own: `python -m headrace.sandbox.cluster.containers aws|ai|init|ask
URL`."""

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
REGISTRY_SECONDS, LOOK_SECONDS = 120.0, 0.5
DATA = Path("/data")
EVERYWHERE = "0.0.0.0"
HOST_NAME = "HEADRACE_AWS_HOST"


def aws() -> None:
    """Be the local AWS, for every container and the host. Does not return."""
    command = ministack.prepare(DATA, AWS_PORT)
    told = {**command.variables, "BIND_HOST": EVERYWHERE, "MINISTACK_HOST": os.environ.get(HOST_NAME, "aws")}
    os.chdir(command.folder)
    os.execve(command.argv[0], list(command.argv), {**os.environ, **told})


def ai() -> int:
    """Be the AI endpoint."""
    from headrace.sandbox.ai.__main__ import main

    return main(["--host", EVERYWHERE, "--port", str(AI_PORT), "--data", str(DATA)])


def init() -> None:
    """Make buckets, queues, notifications, topics and schemas; what is there stays as it is."""
    from headrace.schemas.kafka.settings import RegistrySettings
    from headrace.schemas.serde import registry
    from headrace.schemas.settings import load

    ministack.apply(AWS_PORT)
    contract.apply_contract()
    if (connected := registry.create_client(load(RegistrySettings))) is not None:
        register(connected, time.monotonic() + REGISTRY_SECONDS)


def register(registry: SchemaRegistry, until: float) -> None:
    """Register the schemas as soon as the registry answers. Raises `RegistryDown` when it does not in time."""
    from headrace.schemas.serde import catalog
    from headrace.schemas.serde.codec import RegistryUnavailableError

    while True:
        try:
            registry.register(catalog.versions())
            return
        except RegistryUnavailableError:
            if time.monotonic() > until:
                raise
            time.sleep(LOOK_SECONDS)


def ask(url: str) -> None:
    """Return when a server answers well. Raises OSError when it does not."""
    urllib.request.urlopen(url, timeout=3).close()


def main(arguments: list[str]) -> int:
    """Do what is asked for."""
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
