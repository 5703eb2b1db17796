"""The faults of a proof: which, when and for how long. A seed always gives the same schedule. Pure."""

from __future__ import annotations

import random
from collections.abc import Collection
from dataclasses import dataclass
from itertools import cycle, islice
from types import MappingProxyType

S3_MODES = ("unavailable", "slow", "failing")
AI_MODES = ("throttled", "failing", "losing completions", "repeating completions")
HOSTS = ("worker-1", "worker-2", "bridge", "views")
WORKERS = HOSTS[:2]

TARGETS = MappingProxyType(
    {
        "kill worker": WORKERS,
        "kill bridge": ("bridge",),
        "kill broker": ("broker",),
        "kill projector": ("views",),
        "freeze": HOSTS,
        "partition": ("closed", "stalled"),
        "S3": S3_MODES,
        "AI": AI_MODES,
        "disk full": ("views", "worker-1", "worker-2"),
        "clock step": HOSTS,
        "registry down": ("registry",),
        "rolling upgrade": WORKERS,
    }
)
"""The 12 kinds of faults, each with the processes or the modes that it has."""

SECONDS = MappingProxyType(
    {
        "freeze": (1.0, 5.0),
        "partition": (0.5, 4.0),
        "S3": (1.0, 5.0),
        "AI": (2.0, 5.0),
        "disk full": (1.0, 5.0),
        "clock step": (1.0, 4.0),
        "registry down": (1.0, 5.0),
        "kill broker": (0.0, 2.0),
        "rolling upgrade": (2.0, 5.0),
    }
)
"""Shortest and longest duration of a fault in seconds; a killed process starts again at once."""

LARGEST_STEP = 900.0
"""The largest step of a clock in seconds: AWS rejects requests whose clock differs by more than 15 minutes."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault: its start in seconds after the first one, its kind, its target or mode, and its duration."""

    at: float
    kind: str
    target: str
    seconds: float
    step: float = 0.0


def schedule(seed: int, count: int, seconds: float, without: Collection[str] = ()) -> tuple[Fault, ...]:
    """Spread `count` faults over `seconds`; each kind, and each target of a kind, occurs equally often."""
    draw = random.Random(seed)
    kinds = [kind for kind in TARGETS if kind not in without]
    chosen = list(islice(cycle(kinds), count))
    draw.shuffle(chosen)
    targets = {kind: cycle(draw.sample(TARGETS[kind], len(TARGETS[kind]))) for kind in kinds}
    slot = seconds / max(1, count)
    return tuple(
        Fault(
            at=round((number + draw.uniform(0.0, 0.3)) * slot, 2),
            kind=kind,
            target=next(targets[kind]),
            seconds=round(draw.uniform(*SECONDS.get(kind, (0.0, 0.0))), 2),
            step=round(draw.uniform(-LARGEST_STEP, LARGEST_STEP), 1) if kind == "clock step" else 0.0,
        )
        for number, kind in enumerate(chosen)
    )
