"""Format the data folder of a Kafka node, as Kafka's StorageTool does, without starting a JVM."""

from __future__ import annotations

import base64
import os
import uuid
from pathlib import Path

from headrace.sandbox.errors import SandboxError
from headrace.sandbox.paths import private_folder, write_private

PROPERTIES = "meta.properties"
BOOTSTRAP = Path(__file__).with_name("bootstrap.checkpoint")
"""The feature levels of a new cluster, as StorageTool of the pinned Kafka version writes them (KIP-778)."""


def new_id() -> str:
    """Return a random id as Kafka writes it: 16 bytes in 22 base64 characters. Kafka's own never start with a dash."""
    while (text := base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")).startswith("-"):
        pass
    return text


def format_folder(folder: Path, node_id: int, cluster_id: str) -> None:
    """Format a folder, unless it is formatted. The properties are written last: without them it is not formatted.

    Raises:
        SandboxError: The folder is not writable.
    """
    properties = folder / PROPERTIES
    if properties.exists():
        return
    values = {"version": 1, "cluster.id": cluster_id, "node.id": node_id, "directory.id": new_id()}
    new = folder / f"{PROPERTIES}.new"
    try:
        private_folder(folder)
        checkpoint = folder / BOOTSTRAP.name
        checkpoint.write_bytes(BOOTSTRAP.read_bytes())
        checkpoint.chmod(0o600)
        write_private(new, "".join(f"{name}={value}\n" for name, value in values.items()))
        os.replace(new, properties)
    except OSError as error:
        raise SandboxError(f"Kafka's data folder {folder} is not writable ({error.strerror}).") from error
