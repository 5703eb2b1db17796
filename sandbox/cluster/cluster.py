"""Start, inspect and stop a sandbox."""

from __future__ import annotations

import random
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
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
PORT_WAIT_SECONDS = 3.0
"""Maximum wait for the port of a stopped component to become free."""


@dataclass(frozen=True, slots=True)
class ComponentHealth:
    """The state of a component: resident memory in bytes if alive, else the last lines of its log."""

    part: RunningComponent
    alive: bool
    memory: int
    last_lines: tuple[str, ...]


def up(data: Path, names: Sequence[str] = ALL, on_event: OnProgressEvent = ignore) -> ClusterState:
    """Start the named components that are not alive concurrently; return when all are ready.

    The content of the data folder is kept. Waits while another command uses the folder.

    Raises:
        SandboxError: A component did not start; all components started by this call are stopped.
    """
    data = data.resolve()  # components use it in their settings and have another working folder
    components = [COMPONENTS[name] for name in names]
    with locked(data):
        state = read(data)
        for _ in range(ATTEMPTS - 1):
            with suppress(PortTakenError):
                return Launcher(data, _with_ports(state, components), on_event).run(components)
        return Launcher(data, _with_ports(state, components), on_event).run(components)


def down(data: Path) -> list[str]:
    """Stop the components of a sandbox; return the names of those that were alive."""
    if not (data / FILE).exists():
        return []
    with locked(data):
        state = read(data)
        alive = [name for name in _all_names(state) if _is_alive(state, name)]
        processes.stop(part for name, part in state.parts.items() if name not in ALL)  # they need the others to drain
        processes.stop(state.parts.values())
        write(data, replace(state, parts={}))
        return alive


def status(data: Path) -> list[ComponentHealth]:
    """Return the health of each started component; empty if the sandbox is not up."""
    state = read(data)
    return [_health(state.parts[name]) for name in _all_names(state) if name in state.parts]


def _all_names(state: ClusterState) -> list[str]:
    """Return the names of the sandbox's components, then of additional ones such as the demo's bridge and worker."""
    return list(dict.fromkeys((*ALL, *state.parts)))


def _is_alive(state: ClusterState, name: str) -> bool:
    return name in state.parts and processes.is_alive(state.parts[name])


def _health(part: RunningComponent) -> ComponentHealth:
    alive = processes.is_alive(part)
    last_lines = () if alive else tuple(processes.last_lines(part.log))
    return ComponentHealth(part, alive, processes.resident_bytes(part), last_lines)


def _with_ports(state: ClusterState, components: Sequence[Component]) -> ClusterState:
    """Assign ports to the components that are not alive: the last port if it is free, else a new one.

    If other components are alive, the last port is required, because they are configured with it.
    """
    ports = dict(state.ports)
    fixed = any(_is_alive(state, name) for name in state.parts)
    stopped = [component for component in components if not _is_alive(state, component.name)]
    for port_name in (port_name for component in stopped for port_name in component.ports):
        last = ports.pop(port_name, None)
        if fixed and last and not gets_free(last, PORT_WAIT_SECONDS):
            raise SandboxError(
                f"Port {last} of {port_name} is used by another process, and running components need it:"
                " run `headrace sandbox down`, then `headrace sandbox up`."
            )
        ports[port_name] = free_port(last, ports.values(), random.Random())
    return replace(state, ports=ports)
