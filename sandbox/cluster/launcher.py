"""Start several components concurrently, all or none."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from headrace.sandbox.cluster import processes, storage
from headrace.sandbox.cluster.components import Component, ComponentContext
from headrace.sandbox.cluster.ports import is_free
from headrace.sandbox.cluster.progress_events import OnProgressEvent, ProgressEvent, Ready
from headrace.sandbox.cluster.state_file import ClusterState, RunningComponent, write
from headrace.sandbox.errors import PortTakenError, SandboxError

POLL = 0.02
"""Seconds between two readiness checks."""


class _Cancelled(Exception):
    """Another component failed, or the user interrupted the start."""


class Launcher:
    """One attempt to start components. Each is in the state file as soon as it runs, so that `down` stops it."""

    def __init__(self, data: Path, state: ClusterState, on_event: OnProgressEvent) -> None:
        self._data = data
        self._before = self._state = state
        self._on_event = on_event
        self._started: list[RunningComponent] = []
        self._lock = threading.Lock()
        self._cancelled = threading.Event()

    def run(self, components: Sequence[Component]) -> ClusterState:
        """Start the components that are not alive; return when all are ready.

        On failure or interruption, stop those started by this call. The set-up of a running component is repeated,
        because the command that started it may have been killed before.
        """
        pool = ThreadPoolExecutor(len(components))
        try:
            for start in as_completed([pool.submit(self._start, component) for component in components]):
                start.result()
        except BaseException:  # includes KeyboardInterrupt
            self._cancelled.set()
            pool.shutdown()
            self._undo()
            raise
        pool.shutdown()
        return self._state

    def _start(self, component: Component) -> None:
        began = time.monotonic()
        running = self._state.parts.get(component.name)
        part = running if running and processes.is_alive(running) else self._spawn(component)
        self._wait_until_ready(component, part)
        if component.finish:
            component.finish(part.port, self._state.access)
        if part is not running:
            self._report(Ready(part.name, part.port, time.monotonic() - began))

    def _spawn(self, component: Component) -> RunningComponent:
        context = ComponentContext(self._data, self._state.ports, self._state.access, storage.new_id(), self._report)
        command = component.prepare(context)
        log = self._data / "logs" / f"{component.name}.log"
        with self._lock:
            if self._cancelled.is_set():
                raise _Cancelled
            part = processes.spawn(component.name, command, self._state.ports[component.name], log)
            self._started.append(part)
            self._state = self._state.with_part(part)
            write(self._data, self._state)
            return part

    def _wait_until_ready(self, component: Component, part: RunningComponent) -> None:
        deadline = time.monotonic() + component.seconds
        while not (processes.listens(part) and component.is_ready(part.port)):
            if self._cancelled.wait(POLL):
                raise _Cancelled
            if not processes.is_alive(part):
                raise self._failure(component, part, "exited during its start")
            if time.monotonic() > deadline:
                raise self._failure(component, part, f"is not ready after {component.seconds:.0f} s")

    def _failure(self, component: Component, part: RunningComponent, problem: str) -> SandboxError:
        alive = processes.is_alive(part)
        taken = [port for name in component.ports if not alive and not is_free(port := self._state.ports[name])]
        if taken:
            return PortTakenError(
                f"Another process took port {taken[0]} before {part.name} did: run the command again."
            )
        lines = "".join(f"\n  {line}" for line in processes.last_lines(part.log))
        return SandboxError(f"The sandbox's {part.name} {problem}; its log is {part.log}{':' if lines else ''}{lines}")

    def _undo(self) -> None:
        processes.stop(self._started)
        write(self._data, self._before)

    def _report(self, event: ProgressEvent) -> None:
        if self._cancelled.is_set():  # progress events are the only place to cancel a download
            raise _Cancelled
        self._on_event(event)
