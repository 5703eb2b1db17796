"""How many jobs of a service may run at a time, and which stages share that number.

The quotas are AWS's defaults. All stages of a service share its quota; `HEADRACE_SLOTS` gives a stage a quota of its
own, which is taken from that of the service.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from headrace.schemas.ids import token_stage
from headrace.schemas.jobs import CONCURRENT_JOBS, concurrent_jobs
from headrace.streams.stage import Stage


@dataclass(frozen=True, slots=True)
class JobQuotas:
    """The limit of each pool of slots, by its name, and the pool of each stage. Other stages have no limit."""

    limits: Mapping[str, int] = field(default_factory=dict)
    pools: Mapping[str, str] = field(default_factory=dict)

    def pool_of(self, token: str) -> str:
        """Return the pool of a job token; empty if its stage has no limit."""
        return self.pools.get(token_stage(token) or "", "")


def quotas(stages: Sequence[Stage], own: Mapping[str, int], region: str) -> JobQuotas:
    """Return the quotas of a pipeline in a region.

    `own` has the quotas of single stages; a service keeps at least one slot.
    """
    limits: dict[str, int] = {}
    defaults = concurrent_jobs(region)
    pools: dict[str, str] = {}
    for service, names in _by_service(stages).items():
        limits[service] = max(1, defaults[service] - sum(own.get(name, 0) for name in names))
        pools |= {name: name if name in own else service for name in names}
    limits |= {name: slots for name, slots in own.items() if pools.get(name) == name}
    return JobQuotas({pool: limits[pool] for pool in pools.values()}, pools)


def overbooked(stages: Sequence[Stage], own: Mapping[str, int], region: str) -> list[str]:
    """Return a warning for each service whose stages together exceed AWS's default quota in a region."""
    lines = []
    defaults = concurrent_jobs(region)
    for service, names in _by_service(stages).items():
        quota, chosen = defaults[service], {name: own[name] for name in names if name in own}
        shared = len(names) > len(chosen)
        if sum(chosen.values()) + shared > quota:
            slots = ", ".join(f"{name}={number}" for name, number in chosen.items())
            rest = ", and its other stages need at least 1" if shared else ""
            lines.append(
                f"{service} runs {quota} jobs at a time unless AWS raised it; {slots} are {sum(chosen.values())}{rest}"
            )
    return lines


def _by_service(stages: Iterable[Stage]) -> dict[str, list[str]]:
    services: dict[str, list[str]] = {}
    for stage in stages:
        if stage.job is not None and stage.job.service in CONCURRENT_JOBS:
            services.setdefault(stage.job.service, []).append(stage.name)
    return services
