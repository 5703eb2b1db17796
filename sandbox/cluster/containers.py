"""Run components in containers: `python -m headrace.sandbox.cluster.containers aws|ai|init|env|ask URL`.

The component `aws` creates the access key in a volume, in the format of the AWS SDK's shared credentials file.
"""

from __future__ import annotations

import configparser
import os
import shlex
import sys
import time
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

from headrace.connectors.aws.sigv4 import AwsCredentials
from headrace.sandbox.access import keys
from headrace.sandbox.access.hosts import HOST_NAME
from headrace.sandbox.cluster import contract, ministack

if TYPE_CHECKING:
    from headrace.schemas.serde.registry import SchemaRegistry

AWS_PORT, AI_PORT = 4566, 4567
REGISTRY_SECONDS, POLL_SECONDS = 120.0, 0.5
DATA = Path("/data")
ALL_INTERFACES = "0.0.0.0"
CREDENTIALS_FILE = "AWS_SHARED_CREDENTIALS_FILE"
PROFILE = "default"


def create_access(file: Path) -> AwsCredentials:
    """Return the access key in a credentials file, which is created if it is missing."""
    if not file.exists():
        created = keys.generate()
        new = file.with_suffix(".new")
        new.unlink(missing_ok=True)
        text = f"[{PROFILE}]\naws_access_key_id = {created.access}\naws_secret_access_key = {created.secret}\n"
        with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as output:
            output.write(text)
        new.replace(file)
    return read_access(file)


def read_access(file: Path) -> AwsCredentials:
    """Return the access key in a credentials file."""
    parser = configparser.RawConfigParser()
    with file.open(encoding="utf-8") as lines:
        parser.read_file(lines)
    return AwsCredentials(parser[PROFILE]["aws_access_key_id"], parser[PROFILE]["aws_secret_access_key"])


def aws() -> None:
    """Run the local AWS on all interfaces. Does not return."""
    os.umask(0o077)
    command = ministack.prepare(DATA, AWS_PORT, create_access(_file()))
    host = os.environ.get(HOST_NAME, "aws")
    variables = {**command.variables, "BIND_HOST": ALL_INTERFACES, "MINISTACK_HOST": host, HOST_NAME: host}
    os.chdir(command.folder)
    os.execve(command.argv[0], list(command.argv), {**os.environ, **variables})


def ai() -> int:
    """Run the AI endpoint."""
    from headrace.sandbox.ai.__main__ import main

    os.umask(0o077)
    os.environ.setdefault(HOST_NAME, "aws")
    os.environ.update(variables(read_access(_file())))
    return main(["--host", ALL_INTERFACES, "--port", str(AI_PORT), "--data", str(DATA)])


def init() -> None:
    """Create missing buckets, queues, notifications, topics and schemas."""
    from headrace.schemas.kafka.settings import RegistrySettings
    from headrace.schemas.serde import registry
    from headrace.schemas.settings import load

    ministack.apply(AWS_PORT, read_access(_file()))
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


def variables(access: AwsCredentials) -> dict[str, str]:
    """Return the variables with the access key and the control token."""
    return {
        "AWS_ACCESS_KEY_ID": access.access,
        "AWS_SECRET_ACCESS_KEY": access.secret,
        keys.CONTROL_VARIABLE: keys.control_token(access),
    }


def env() -> None:
    """Print the variables for a shell on the host."""
    for name, value in variables(read_access(_file())).items():
        sys.stdout.write(f"export {name}={shlex.quote(value)}\n")


def _file() -> Path:
    return Path(os.environ[CREDENTIALS_FILE])


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
        case ["env"]:
            env()
        case ["ask", url]:
            ask(url)
        case _:
            sys.stderr.write(f"{__doc__}\n")
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
