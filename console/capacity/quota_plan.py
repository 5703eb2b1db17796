"""Which quotas of AI services a pipeline needs, and the backlog at today's. Pure.

Source: Little's law: the jobs that run at the same time are their rate times their duration.
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass

from headrace.console.capacity.assumptions import Assumptions
from headrace.console.capacity.demand import Demand
from headrace.console.capacity.workload import DAY_SECONDS, Workload
from headrace.streams.limits.call_quotas import CALLS_PER_SECOND
from headrace.streams.limits.job_quotas import JobQuotas, quotas
from headrace.streams.settings import StreamSettings

JOBS, CALLS = "jobs", "calls/s"


@dataclass(frozen=True, slots=True)
class QuotaPlan:
    """One quota: the need on average and in the peak hour, today's value, and the value to request.

    `name` is a service, a stage with slots of its own, or an operation as HEADRACE_RATES names it. `unit` is `jobs` at
    the same time or `calls/s`. `quota` is None if today's value is not known.
    """

    name: str
    unit: str
    average: float
    peak: float
    quota: float | None
    request: int | None

    @property
    def days_of_work_per_day(self) -> float | None:
        """Return how many days the files of one day take at today's quota."""
        return None if self.quota is None else self.average / self.quota

    @property
    def backlog_days_per_day(self) -> float:
        """Return by how many days of work the backlog grows each day at today's quota; 0 if it does not grow."""
        return max(0.0, (self.days_of_work_per_day or 0.0) - 1.0)

    @property
    def share(self) -> float:
        """Return the need in the peak hour as a multiple of today's quota; 0 if that is not known."""
        return self.peak / self.quota if self.quota else 0.0

    @property
    def hours_to_catch_up(self) -> float:
        """Return how long the backlog of the peak hour lasts, in hours, if the quota suffices on average."""
        if self.quota is None or self.peak <= self.quota or self.average >= self.quota:
            return 0.0
        return (self.peak - self.quota) / (self.quota - self.average)


def plan_quotas(
    demand: Demand, workload: Workload, assumed: Assumptions, settings: StreamSettings, region: str
) -> tuple[QuotaPlan, ...]:
    """Plan the jobs of each service and the calls of each operation; the scarcest first."""
    stages = [each.stage for each in demand.stages]
    rates = {**CALLS_PER_SECOND, **settings.rates}
    planned = [
        _plan(name, JOBS, average, limit, workload, assumed)
        for name, average, limit in _jobs(demand, quotas(stages, settings.slots, region))
    ]
    calls: defaultdict[str, float] = defaultdict(float)
    for stage in demand.stages:
        for name, count in stage.ai.items():
            calls[name] += count
    planned += [
        _plan(name, CALLS, count / DAY_SECONDS, rates.get(name), workload, assumed) for name, count in calls.items()
    ]
    return tuple(sorted(planned, key=lambda each: (-each.share, each.name)))


def _jobs(demand: Demand, limits: JobQuotas) -> list[tuple[str, float, float]]:
    """Return the name, the average number of running jobs and the limit of each pool of slots that is used."""
    running: dict[str, float] = {}
    for each in demand.stages:
        pool = limits.pools.get(each.stage.name, "")
        if pool and each.jobs:
            running[pool] = running.get(pool, 0.0) + each.job_seconds / DAY_SECONDS
    return [(pool, average, limits.limits[pool]) for pool, average in running.items()]


def _plan(
    name: str, unit: str, average: float, quota: float | None, workload: Workload, assumed: Assumptions
) -> QuotaPlan:
    peak = average * workload.peak
    enough = quota is not None and peak <= quota
    return QuotaPlan(name, unit, average, peak, quota, None if enough else math.ceil(peak * assumed.quota_headroom))
