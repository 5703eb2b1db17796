"""How many jobs of a service may be at work at a time, and how a pipeline's stages share that.

The quotas are AWS's defaults; `HEADRACE_SLOTS` overrides them for an account with others.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from headrace.schemas.jobs import CONCURRENT_JOBS
from headrace.streams.stage import Stage


def shares(stages: Sequence[Stage], partitions: int, own: Mapping[str, int]) -> dict[str, int]:
    """Return each stage's share of its service's quota, at least one slot per partition. `own` overrides it."""
    found: dict[str, int] = {}
    for service, names in _by_service(stages).items():
        free = [name for name in names if name not in own]
        left = CONCURRENT_JOBS[service] - sum(own[name] for name in names if name in own)
        found |= {name: max(left // len(free), partitions) for name in free}
    return found | dict(own)


def overbooked(stages: Sequence[Stage], partitions: int, own: Mapping[str, int]) -> list[str]:
    """Return a warning for each service whose stages together exceed AWS's default quota."""
    slots = shares(stages, partitions, own)
    lines = []
    for service, names in _by_service(stages).items():
        quota, wanted = CONCURRENT_JOBS[service], sum(slots[name] for name in names)
        if wanted > quota:
            own_slots = ", ".join(f"{name}={slots[name]}" for name in names)
            lines.append(f"{service} runs {quota} jobs at a time unless AWS raised it, and {own_slots} are {wanted}")
    return lines


def _by_service(stages: Iterable[Stage]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for stage in stages:
        if stage.job is not None and stage.job.service in CONCURRENT_JOBS:
            found.setdefault(stage.job.service, []).append(stage.name)
    return found
