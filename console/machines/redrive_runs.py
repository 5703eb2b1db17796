"""Redrives that run in threads of this process, so that a request does not wait for them. They can be cancelled.

If the process ends, what was not redriven stays as it is: the same request continues from there.
"""

from __future__ import annotations

import asyncio
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal
from uuid import uuid4

import structlog

from headrace.console.explain import describe
from headrace.console.machines import bulk_redrive
from headrace.console.machines.port import MachineServices
from headrace.console.machines.redrive_request import PlannedRedrive

log = structlog.get_logger("headrace")
REMEMBERED = 100
UNEXPECTED = "an internal error: the log of the console has the details"


@dataclass(frozen=True, slots=True)
class RedriveProgress:
    """How far a redrive is. `failure` says why it ended early; `last` is the execution that was redriven last."""

    id: str
    by: str
    total: int
    done: int = 0
    last: str = ""
    state: Literal["running", "done", "cancelled", "failed"] = "running"
    failure: str = ""

    @property
    def is_over(self) -> bool:
        """Whether nothing changes any more."""
        return self.state != "running"


class RedriveRuns:
    """The redrives that this process began, the newest 100. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._runs: OrderedDict[str, RedriveProgress] = OrderedDict()
        self._cancel: dict[str, Callable[[], object]] = {}

    def start(self, services: MachineServices, planned: PlannedRedrive, by: str) -> str:
        """Redrive the executions of a plan in a thread, and return the id of the run."""
        run = RedriveProgress(str(uuid4()), by, len(planned.plan.executions))
        with self._lock:
            self._runs[run.id] = run
            for oldest in list(self._runs)[:-REMEMBERED]:
                if self._runs[oldest].is_over:
                    del self._runs[oldest]
        log.info("machine_redrive_begun", redrive=run.id, by=by, executions=run.total)
        work = threading.Thread(
            target=self._run, args=(run.id, services, planned), name=f"redrive-{run.id}", daemon=True
        )
        work.start()
        return run.id

    def progress(self, id_: str) -> RedriveProgress | None:
        """Return a run; None if this process does not know it."""
        with self._lock:
            return self._runs.get(id_)

    def cancel(self, id_: str) -> bool:
        """Cancel what has not started, and return whether the run was running."""
        with self._lock:
            cancel = self._cancel.get(id_)
            if cancel is not None:
                cancel()
            return cancel is not None

    def _run(self, id_: str, services: MachineServices, planned: PlannedRedrive) -> None:
        try:
            asyncio.run(self._redrive(id_, services, planned))
            self._change(id_, state="done")
        except asyncio.CancelledError:
            self._change(id_, state="cancelled")
        except Exception as error:  # the page of the run shows it
            failure = describe(error)
            if failure is None:
                log.error("machine_redrive_failed", redrive=id_, exc_info=True)
            self._change(id_, state="failed", failure=failure or UNEXPECTED)

    async def _redrive(self, id_: str, services: MachineServices, planned: PlannedRedrive) -> None:
        task, loop = asyncio.current_task(), asyncio.get_running_loop()
        with self._lock:
            self._cancel[id_] = lambda: loop.call_soon_threadsafe(task.cancel) if task else None
        try:
            done = 0
            async for execution in bulk_redrive.run_redrive(services, planned.plan, planned.options):
                done += 1
                self._change(id_, done=done, last=execution.arn)
        finally:
            with self._lock:
                del self._cancel[id_]

    def _change(self, id_: str, **changes: object) -> None:
        with self._lock:
            self._runs[id_] = replace(self._runs[id_], **changes)  # type: ignore[arg-type]
