"""Which share of each rate limit a process has."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial

from headrace.schemas.runtime.token_bucket import Share
from headrace.streams.stage import Stage
from headrace.streams.stages import machine_tasks


def rate_shares(stages: Sequence[Stage], rates: Iterable[str], share: Callable[[Stage], float]) -> Mapping[str, Share]:
    """Return the share of each operation: that of the hosted stage that calls it.

    Tasks of state machines call any operation. One that no stage calls has the share of their stage, so that workers
    together respect its rate.
    """
    tasks = next((stage for stage in stages if stage.name == machine_tasks.STAGE.name), None)
    found: dict[str, Share] = {} if tasks is None else dict.fromkeys(rates, partial(share, tasks))
    return found | {call: partial(share, stage) for stage in stages for call in stage.paid_operations}
