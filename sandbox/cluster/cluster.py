"""Start, watch and end a sandbox; for `sandbox.cli.sandbox`, for the demo and for tests."""

from __future__ import annotations

import random
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from headrace.sandbox.cluster import processes
from headrace.sandbox.cluster.components import COMPONENTS, Component
from headrace.sandbox.cluster.launcher import Launcher
from headrace.sandbox.cluster.ports import free_port, gets_free
from headrace.sandbox.cluster.progress_events import OnProgressEvent, ignore
from headrace.sandbox.cluster.state_file import FILE, ClusterState, RunningComponent, locked, read, write
from headrace.sandbox.errors import PortTakenError, SandboxError

ALL = tuple(COMPONENTS)
ATTEMPTS = 3
PATIENCE = 3.0
"""Seconds for a port to get free that running parts expect to be served again."""


@dataclass(frozen=True, slots=True)
class ComponentHealth:
    """How a part is: alive with its resident memory in bytes, or crashed with the last that it wrote."""

    part: RunningComponent
    alive: bool
    memory: int
    last_lines: tuple[str, ...]


def up(data: Path, names: Sequence[str] = ALL, tell: OnProgressEvent = ignore) -> ClusterState:
    """Start those of the named parts that are not alive, all at once, and return when each answers and is set up.

    What the data folder holds is kept. Raises `SandboxError` when a part does not come up, and then ends what it
    had started. Waits while another command works on the folder.
    """
    data = data.resolve()  # it goes into the parts' settings, and they may have another working folder
    recipes = [COMPONENTS[name] for name in names]
    with locked(data):
        state = read(data)
        for _ in range(ATTEMPTS - 1):
            with suppress(PortTakenError):
                return Launcher(data, _with_ports(state, recipes), tell).run(recipes)
        return Launcher(data, _with_ports(state, recipes), tell).run(recipes)


def down(data: Path) -> list[str]:
    """End what `up` started, and nothing else; returns the names of the parts that were alive."""
    if not (data / FILE).exists():
        return []
    with locked(data):
        state = read(data)
        alive = [name for name in _all_names(state) if _is_alive(state, name)]
        processes.stop(part for name, part in state.parts.items() if name not in ALL)  # they need the others to drain
        processes.stop(state.parts.values())
        write(data, ClusterState(ports=state.ports))
        return alive


def status(data: Path) -> list[ComponentHealth]:
    """How each part is that was started and not ended by `down`; empty when the sandbox is not up."""
    state = read(data)
    return [_health(state.parts[name]) for name in _all_names(state) if name in state.parts]


def _all_names(state: ClusterState) -> list[str]:
    """Our own parts, then what others have started beside them, such as the demo's bridge and worker."""
    return list(dict.fromkeys((*ALL, *state.parts)))


def _is_alive(state: ClusterState, name: str) -> bool:
    return name in state.parts and processes.is_alive(state.parts[name])


def _health(part: RunningComponent) -> ComponentHealth:
    alive = processes.is_alive(part)
    last_lines = () if alive else tuple(processes.last_lines(part.log))
    return ComponentHealth(part, alive, processes.resident_bytes(part), last_lines)


def _with_ports(state: ClusterState, recipes: Sequence[Component]) -> ClusterState:
    """Give ports to the parts that are not alive: to each the one that it had last, if that is free.

    It has to be free when some parts are alive: they, and whatever works with them, were told of it.
    """
    ports = dict(state.ports)
    fixed = any(_is_alive(state, name) for name in state.parts)
    dead = [recipe for recipe in recipes if not _is_alive(state, recipe.name)]
    for port_name in (port_name for recipe in dead for port_name in recipe.ports):
        last = ports.pop(port_name, None)
        if fixed and last and not gets_free(last, PATIENCE):
            raise SandboxError(
                f"Port {last} of {port_name} is another process's now, and the running parts expect it:"
                " run `headrace sandbox down`, then `headrace sandbox up`."
            )
        ports[port_name] = free_port(last, ports.values(), random.Random())
    return ClusterState(state.parts, ports)
