"""Fault injection by operation, kind and share of calls."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, get_args

FaultKind = Literal[
    "deny",
    "throttle",
    "error_500",
    "error_after_effect",
    "fail_job",
    "lost_completion",
    "duplicate_completion",
    "late_completion",
    "wrong_answer",
]


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault for `share` of the calls of `operation` (`*`: all operations), at most `count` times.

    `seconds` is the delay of a late completion, `reason` the failure reason of a failed job or the text of an answer.
    """

    operation: str
    kind: FaultKind
    share: float = 1.0
    count: int | None = None
    seconds: float = 0.0
    reason: str = "Injected failure."


def parse(body: Any) -> Fault:
    """Return the fault of a request. Raises `ValueError` with the invalid member."""
    if not isinstance(body, Mapping):
        raise ValueError("a fault is a JSON object")
    if unknown := set(body) - {field.name for field in fields(Fault)}:
        raise ValueError(f"unknown member: {', '.join(sorted(unknown))}")
    if not isinstance(body.get("operation"), str):
        raise ValueError("operation: name an operation, or * for all")
    if body.get("kind") not in get_args(FaultKind):
        raise ValueError(f"kind: one of {', '.join(get_args(FaultKind))}")
    for name, kinds in (("share", (int, float)), ("seconds", (int, float)), ("count", (int,)), ("reason", (str,))):
        if name in body and (not isinstance(body[name], kinds) or isinstance(body[name], bool)):
            raise ValueError(f"{name}: not a {'text' if name == 'reason' else 'number'}")
    fault = Fault(**body)
    if not 0 < fault.share <= 1 or fault.seconds < 0 or (fault.count is not None and fault.count < 1):
        raise ValueError("share is above 0 and at most 1, seconds at least 0, count at least 1")
    return fault


class Faults:
    """The active faults. Failing calls are chosen by counting, not at random, so that runs are reproducible."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: dict[Fault, tuple[int, int]] = {}

    def add(self, fault: Fault) -> None:
        """Activate a fault and start its counters."""
        with self._lock:
            self._counts[fault] = (0, 0)

    def clear(self) -> None:
        """Remove all faults."""
        with self._lock:
            self._counts.clear()

    def listing(self) -> list[dict[str, Any]]:
        """Return each fault with its numbers of matching and failed calls."""
        with self._lock:
            return [{**asdict(fault), "seen": seen, "struck": struck} for fault, (seen, struck) in self._counts.items()]

    def should_fail(self, operation: str, *kinds: FaultKind) -> Fault | None:
        """Return the first fault of these kinds that applies to this call of `operation`."""
        with self._lock:
            for fault, (seen, struck) in self._counts.items():
                if fault.kind not in kinds or fault.operation not in ("*", operation):
                    continue
                due = int((seen + 1) * fault.share) > int(seen * fault.share)
                hit = due and (fault.count is None or struck < fault.count)
                self._counts[fault] = (seen + 1, struck + hit)
                if hit:
                    return fault
        return None
