"""What is up, in one file below the sandbox's data folder."""

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
    """A process that we started; its start, in seconds since the epoch, tells it from a later one with the same id."""

    name: str
    pid: int
    started: float
    port: int
    log: Path


@dataclass(frozen=True, slots=True)
class ClusterState:
    """The parts that were started and not ended, and the ports that each name had last, which it gets again."""

    parts: Mapping[str, RunningComponent] = field(default_factory=dict)
    ports: Mapping[str, int] = field(default_factory=dict)

    def with_part(self, part: RunningComponent) -> ClusterState:
        """The same with a part added."""
        return replace(self, parts={**self.parts, part.name: part})


def read(data: Path) -> ClusterState:
    """The state of a data folder, which is empty when nothing was ever started there."""
    file = data / FILE
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        parts = [RunningComponent(**{**part, "log": Path(part["log"])}) for part in found["parts"]]
        return ClusterState({part.name: part for part in parts}, dict(found["ports"]))
    except FileNotFoundError:
        return ClusterState()
    except (ValueError, KeyError, TypeError) as error:
        raise SandboxError(f"{file} is damaged: end by hand what still runs, then move the file away.") from error


def write(data: Path, state: ClusterState) -> None:
    """Replace the state of a data folder, whole or not at all."""
    parts = [{**asdict(part), "log": str(part.log)} for part in state.parts.values()]
    data.mkdir(parents=True, exist_ok=True)
    new = data / f"{FILE}.new"
    new.write_text(json.dumps({"parts": parts, "ports": dict(state.ports)}, indent=1), encoding="utf-8")
    os.replace(new, data / FILE)


@contextmanager
def locked(data: Path) -> Iterator[None]:
    """Hold a data folder, which is made where there is none; waits while another command works on it."""
    try:
        data.mkdir(parents=True, exist_ok=True)
        file = (data / "lock").open("w")
    except OSError as error:
        raise SandboxError(f"{data} is no folder to write to ({error.strerror}): name another by --data.") from error
    with file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
