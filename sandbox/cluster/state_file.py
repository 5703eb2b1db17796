"""The state file in the sandbox's data folder."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from headrace.connectors.aws.sigv4 import AwsCredentials
from headrace.sandbox.access import keys
from headrace.sandbox.errors import SandboxError

FILE = "state.json"


@dataclass(frozen=True, slots=True)
class RunningComponent:
    """A started process. Its start time, in seconds since the epoch, detects reused process ids."""

    name: str
    pid: int
    started: float
    port: int
    log: Path


@dataclass(frozen=True, slots=True)
class ClusterState:
    """The started components, the last port of each name, which is reused, and the access key of the servers."""

    parts: Mapping[str, RunningComponent] = field(default_factory=dict)
    ports: Mapping[str, int] = field(default_factory=dict)
    access: AwsCredentials = field(default_factory=keys.generate)

    def with_part(self, part: RunningComponent) -> ClusterState:
        """Return the state with a component added."""
        return replace(self, parts={**self.parts, part.name: part})


def read(data: Path) -> ClusterState:
    """Read the state of a data folder; empty if there is none."""
    file = data / FILE
    try:
        state = json.loads(file.read_text(encoding="utf-8"))
        parts = [RunningComponent(**{**part, "log": Path(part["log"])}) for part in state["parts"]]
        access = AwsCredentials(*state["access"]) if "access" in state else keys.generate()
        return ClusterState({part.name: part for part in parts}, dict(state["ports"]), access)
    except FileNotFoundError:
        return ClusterState()
    except (ValueError, KeyError, TypeError) as error:
        raise SandboxError(f"{file} is damaged: stop the remaining processes, then delete the file.") from error


def write(data: Path, state: ClusterState) -> None:
    """Replace the state of a data folder atomically. Only the current user can read it: it contains a secret."""
    parts = [{**asdict(part), "log": str(part.log)} for part in state.parts.values()]
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    new = data / f"{FILE}.new"
    new.unlink(missing_ok=True)
    content = {"parts": parts, "ports": dict(state.ports), "access": [state.access.access, state.access.secret]}
    with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        json.dump(content, file, indent=1)
    os.replace(new, data / FILE)


@contextmanager
def locked(data: Path) -> Iterator[None]:
    """Lock a data folder and create it if it is missing; waits while another command holds the lock."""
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = (data / "lock").open("w")
    except OSError as error:
        raise SandboxError(f"{data} is not writable ({error.strerror}): choose another folder with --data.") from error
    with file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
