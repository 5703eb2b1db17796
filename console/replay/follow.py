"""Follows a replay of another process until it has ended, and what it sent, too."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from headrace.console.kafka.admin import KafkaAdmin
from headrace.console.kafka.offsets import TopicAndPartition
from headrace.console.replay import journal
from headrace.console.replay.audit import AuditEntry
from headrace.console.replay.redrive import watch as redrive_watch
from headrace.console.replay.redrive.outcomes import RedriveOutcomes
from headrace.streams.stage import Stage

LOOK_SECONDS = 0.5
AT_WORK = ("begun", "paused")

DrawFrame = Callable[[Mapping[str, int]], None]


def follow(
    cluster: KafkaAdmin, action: AuditEntry, stage: Stage | None, seconds: float
) -> tuple[AuditEntry, RedriveOutcomes | None]:
    """Look until it has ended, or so many seconds are over; `stage` is that of a redrive, whose letters end later."""
    watch = redrive_watch.since(cluster, stage, action) if stage is not None else None
    deadline = time.monotonic() + seconds
    with _bars(action) as draw:
        while True:
            action = journal.read_entries(cluster)[action.id]
            outcomes = watch.look() if watch is not None else None
            counts = _counts(cluster, action, outcomes)
            draw(counts)
            is_over = action.state not in AT_WORK and not counts.get("waiting")
            if is_over or time.monotonic() > deadline:
                return action, outcomes
            time.sleep(LOOK_SECONDS)


def _counts(cluster: KafkaAdmin, action: AuditEntry, outcomes: RedriveOutcomes | None) -> Mapping[str, int]:
    """Count what was sent by how it ended; what is no redrive only by how much it is."""
    if outcomes is None:
        return {"sent": _worked(cluster, action)}
    counts = outcomes.counts()
    return {"done": counts["done"], "failed": counts["failed"], "waiting": counts["waiting"]}


def _worked(cluster: KafkaAdmin, action: AuditEntry) -> int:
    """Say how many records a trial has worked: its group is its position."""
    positions = cluster.positions(action.group, [(each.topic, each.partition) for each in action.shifts])
    return sum(max(0, _at(positions, (each.topic, each.partition), each.low) - each.low) for each in action.shifts)


def _at(positions: Mapping[TopicAndPartition, object], place: TopicAndPartition, low: int) -> int:
    found = positions.get(place)
    return getattr(found, "offset", low)


@contextmanager
def _bars(action: AuditEntry) -> Iterator[DrawFrame]:
    """Draw a bar for what is sent, with its rate, and one for each ending, on a terminal; elsewhere nothing."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        tasks = {"sent": progress.add_task("sent", total=action.letters or None)}
        rate = ProgressRate(time.monotonic())

        def draw(counts: Mapping[str, int]) -> None:
            sent = sum(counts.values())
            said = f"sent {rate.now(sent, time.monotonic()):,.0f}/s"
            progress.update(tasks["sent"], completed=sent, description=said)
            for name in counts.keys() - {"sent"}:
                if name not in tasks:
                    tasks[name] = progress.add_task(name, total=action.letters or None)
                progress.update(tasks[name], completed=counts[name])

        yield draw


class ProgressRate:
    """How much a count grows a second, over the last few looks."""

    def __init__(self, now: float) -> None:
        self._seen: deque[tuple[float, int]] = deque([(now, 0)], maxlen=8)

    def now(self, count: int, at: float) -> float:
        """Take a look at the count, and give the rate."""
        if len(self._seen) == 1 and not self._seen[0][1]:
            self._seen[0] = (self._seen[0][0], count)
        self._seen.append((at, count))
        (first, low), (last, high) = self._seen[0], self._seen[-1]
        return (high - low) / (last - first) if last > first else 0.0
