"""Start several parts at once, all or none of them."""

from __future__ import annotations

import base64
import threading
import time
import uuid
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from headrace.sandbox.cluster import processes
from headrace.sandbox.cluster.components import Component, ComponentContext
from headrace.sandbox.cluster.ports import is_free
from headrace.sandbox.cluster.progress_events import OnProgressEvent, ProgressEvent, Ready
from headrace.sandbox.cluster.state_file import ClusterState, RunningComponent, write
from headrace.sandbox.errors import PortTakenError, SandboxError

POLL = 0.02
"""Seconds between two looks at whether a part is ready."""


class _Cancelled(Exception):
    """Another part failed, or the user wants no more."""


class Launcher:
    """One attempt to start parts. Each is in the state file from the moment that it runs, so that `down` finds it."""

    def __init__(self, data: Path, state: ClusterState, tell: OnProgressEvent) -> None:
        self._data = data
        self._before = self._state = state
        self._tell = tell
        self._started: list[RunningComponent] = []
        self._lock = threading.Lock()
        self._cancelled = threading.Event()

    def run(self, recipes: Sequence[Component]) -> ClusterState:
        """Start the parts that are not alive and return when all are ready.

        When that fails or is interrupted, end those that were started here. A part that is alive is set up anew:
        whoever started it may have been killed before that.
        """
        pool = ThreadPoolExecutor(len(recipes))
        try:
            for start in as_completed([pool.submit(self._start, recipe) for recipe in recipes]):
                start.result()
        except BaseException:  # Ctrl-C is one, too
            self._cancelled.set()
            pool.shutdown()
            self._undo()
            raise
        pool.shutdown()
        return self._state

    def _start(self, recipe: Component) -> None:
        began = time.monotonic()
        there = self._state.parts.get(recipe.name)
        part = there if there and processes.is_alive(there) else self._spawn(recipe)
        self._await(recipe, part)
        if recipe.finish:
            recipe.finish(part.port)
        if part is not there:
            self._report(Ready(part.name, part.port, time.monotonic() - began))

    def _spawn(self, recipe: Component) -> RunningComponent:
        command = recipe.prepare(ComponentContext(self._data, self._state.ports, _new_cluster_id(), self._report))
        log = self._data / "logs" / f"{recipe.name}.log"
        with self._lock:
            if self._cancelled.is_set():
                raise _Cancelled
            part = processes.spawn(recipe.name, command, self._state.ports[recipe.name], log)
            self._started.append(part)
            self._state = self._state.with_part(part)
            write(self._data, self._state)
            return part

    def _await(self, recipe: Component, part: RunningComponent) -> None:
        deadline = time.monotonic() + recipe.seconds
        while not (processes.listens(part) and recipe.is_ready(part.port)):
            if self._cancelled.wait(POLL):
                raise _Cancelled
            if not processes.is_alive(part):
                raise self._failure(recipe, part, "ended while it started")
            if time.monotonic() > deadline:
                raise self._failure(recipe, part, f"does not answer after {recipe.seconds:.0f} s")

    def _failure(self, recipe: Component, part: RunningComponent, what: str) -> SandboxError:
        alive = processes.is_alive(part)
        taken = [port for name in recipe.ports if not alive and not is_free(port := self._state.ports[name])]
        if taken:
            return PortTakenError(
                f"Another process took port {taken[0]} before {part.name} did: run the command again."
            )
        said = "".join(f"\n  {line}" for line in processes.last_lines(part.log))
        return SandboxError(f"The sandbox's {part.name} {what}; its log is {part.log}{':' if said else ''}{said}")

    def _undo(self) -> None:
        processes.stop(self._started)
        write(self._data, self._before)

    def _report(self, event: ProgressEvent) -> None:
        if self._cancelled.is_set():  # a download has no other place where it could be stopped
            raise _Cancelled
        self._tell(event)


def _new_cluster_id() -> str:
    return base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
