"""How many children of a distributed Map run at the same time, and changes of the limits of its run."""

from __future__ import annotations

from msgspec.structs import replace

from headrace.streams.machines.execution.record import MapRunLimits, MapRunWork

DISTRIBUTED_CONCURRENCY = 10_000
"""Child executions of a run that run at the same time. Source: AWS's quotas."""


def concurrency_of(given: int) -> int:
    """Return the children that may run at the same time; 0 is the largest number."""
    return min(given or DISTRIBUTED_CONCURRENCY, DISTRIBUTED_CONCURRENCY)


def with_limits(work: MapRunWork, limits: MapRunLimits) -> MapRunWork:
    """Return a run with other limits; those that are None stay as they are."""
    count, percentage = limits.tolerated_count, limits.tolerated_percentage
    return replace(
        work,
        concurrency=work.concurrency if limits.concurrency is None else concurrency_of(limits.concurrency),
        tolerated_count=work.tolerated_count if count is None else count,
        tolerated_percentage=work.tolerated_percentage if percentage is None else percentage,
    )
