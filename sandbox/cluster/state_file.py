"""The state file in the sandbox's data folder."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

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
    """The started components, and the last port of each name, which is reused."""

    parts: Mapping[str, RunningComponent] = field(default_factory=dict)
    ports: Mapping[str, int] = field(default_factory=dict)

    def with_part(self, part: RunningComponent) -> ClusterState:
        """Return the state with a component added."""
        return replace(self, parts={**self.parts, part.name: part})


def read(data: Path) -> ClusterState:
    """Read the state of a data folder; empty if there is none."""
    file = data / FILE
    try:
        state = json.loads(file.read_text(encoding="utf-8"))
        parts = [RunningComponent(**{**part, "log": Path(part["log"])}) for part in state["parts"]]
        return ClusterState({part.name: part for part in parts}, dict(state["ports"]))
    except FileNotFoundError:
        return ClusterState()
    except (ValueError, KeyError, TypeError) as error:
        raise SandboxError(f"{file} is damaged: stop the remaining processes, then delete the file.") from error


def write(data: Path, state: ClusterState) -> None:
    """Replace the state of a data folder atomically."""
    parts = [{**asdict(part), "log": str(part.log)} for part in state.parts.values()]
    data.mkdir(parents=True, exist_ok=True)
    new = data / f"{FILE}.new"
    new.write_text(json.dumps({"parts": parts, "ports": dict(state.ports)}, indent=1), encoding="utf-8")
    os.replace(new, data / FILE)


@contextmanager
def locked(data: Path) -> Iterator[None]:
    """Lock a data folder and create it if it is missing; waits while another command holds the lock."""
    try:
        data.mkdir(parents=True, exist_ok=True)
        file = (data / "lock").open("w")
    except OSError as error:
        raise SandboxError(f"{data} is not writable ({error.strerror}): choose another folder with --data.") from error
    with file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
