"""Restart a stage whose consumer or scheduler failed, with back-off. The other stages of the process go on."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

from headrace.schemas.runtime.backoff import backoff_seconds
from headrace.streams.engine import metrics
from headrace.streams.stage import Stage
from headrace.streams.worker.health import HealthState
from headrace.streams.worker.runtime import HostedStage, WorkerRuntime

BASE_SECONDS = 1.0
MAX_BACKOFF_SECONDS = 60.0
HEALTHY_SECONDS = 300.0
"""A stage that has run for this long starts the back-off anew."""


@dataclass(frozen=True, slots=True)
class _Failures:
    """The failures of a stage in a row."""

    count: int
    last: float


class StageSupervisor:
    """Replaces failed stages in `hosted`. `health` shows each until it runs again."""

    def __init__(
        self,
        runtime: WorkerRuntime,
        hosted: list[HostedStage],
        health: HealthState,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._runtime = runtime
        self._hosted = hosted
        self._health = health
        self._clock = clock
        self._failures: dict[str, _Failures] = {}
        self._restarts: dict[str, asyncio.Task[None]] = {}

    @property
    def restarting(self) -> bool:
        """Whether a stage waits for its restart."""
        return bool(self._restarts)

    def check(self) -> None:
        """Begin to restart every stage that has failed."""
        for each in list(self._hosted):
            error = each.host.failure()
            if error is not None:
                self._hosted.remove(each)
                self._begin(each, error)

    async def stop(self) -> None:
        """Cancel the restarts."""
        tasks = list(self._restarts.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _begin(self, failed: HostedStage, error: BaseException) -> None:
        name = failed.stage.name
        wait = self._note(name, error)
        task = asyncio.get_running_loop().create_task(self._restart(failed, wait))
        self._restarts[name] = task
        task.add_done_callback(lambda _: self._restarts.pop(name, None))

    def _note(self, name: str, error: BaseException) -> float:
        """Report a failure and return the seconds to wait before the restart."""
        now, previous = self._clock(), self._failures.get(name)
        count = previous.count + 1 if previous and now - previous.last < HEALTHY_SECONDS else 1
        self._failures[name] = _Failures(count, now)
        wait = backoff_seconds(count, BASE_SECONDS, MAX_BACKOFF_SECONDS)
        self._health.failed_stages[name] = repr(error)
        metrics.STAGE_FAILURES.labels(name).inc()
        metrics.PAUSED.labels(name).set(1)
        where = metrics.origin_of(error)
        metrics.log.error("stage_failed", stage=name, reason=repr(error), where=where, restart_in_seconds=wait)
        return wait

    async def _restart(self, failed: HostedStage, wait: float) -> None:
        """Stop the failed stage and start it again until it runs. Uncommitted records are delivered again."""
        name = failed.stage.name
        await self._report(failed.stage, self._health.failed_stages[name])
        self._health.schedulers.pop(name, None)
        await self._stop(failed)
        while True:
            await asyncio.sleep(wait)
            new = self._runtime.host(failed.stage)
            try:
                await new.host.start()
            except Exception as error:  # the next attempt follows, after a longer wait
                wait = self._note(name, error)
                await self._stop(new)
                continue
            self._hosted.append(new)
            self._health.schedulers[name] = new.scheduler
            del self._health.failed_stages[name]
            metrics.PAUSED.labels(name).set(0)
            metrics.log.info("stage_restarted", stage=name)
            return await self._report(failed.stage, "")

    async def _report(self, stage: Stage, why: str) -> None:
        try:
            await self._runtime.report(stage, "paused" if why else "working", why)
        except Exception as error:  # a report must not delay the restart
            metrics.log.warning("status_report_failed", stage=stage.name, reason=repr(error))

    async def _stop(self, failed: HostedStage) -> None:
        try:
            await failed.host.stop()
        except Exception as error:  # its consumer may be gone already
            metrics.log.warning("stage_stop_failed", stage=failed.stage.name, reason=repr(error))
