"""Follow a replay of another process, and the records it sent, until both have ended."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from headrace.console.kafka.admin import KafkaAdmin
from headrace.console.kafka.offsets import CommittedOffset, TopicAndPartition
from headrace.console.replay import journal
from headrace.console.replay.audit import AuditEntry
from headrace.console.replay.redrive import watch as redrive_watch
from headrace.console.replay.redrive.outcomes import RedriveOutcomes
from headrace.console.terminal.progress_bar import BarColumn, MofNCompleteColumn, Progress, TextColumn
from headrace.console.terminal.screen import Console
from headrace.streams.stage import Stage

POLL_SECONDS = 0.5
RUNNING = ("begun", "paused")

DrawFrame = Callable[[Mapping[str, int]], None]


def follow(
    cluster: KafkaAdmin, action: AuditEntry, stage: Stage | None, seconds: float
) -> tuple[AuditEntry, RedriveOutcomes | None]:
    """Poll until the replay has ended or `seconds` have passed.

    `stage` is the stage of a redrive, whose records end after the replay itself; None for other replays.
    """
    watch = redrive_watch.since(cluster, stage, action) if stage is not None else None
    deadline = time.monotonic() + seconds
    with _bars(action) as draw:
        while True:
            action = journal.read_entries(cluster)[action.id]
            outcomes = watch.look() if watch is not None else None
            counts = _counts(cluster, action, outcomes)
            draw(counts)
            is_over = action.state not in RUNNING and not counts.get("waiting")
            if is_over or time.monotonic() > deadline:
                return action, outcomes
            time.sleep(POLL_SECONDS)


def _counts(cluster: KafkaAdmin, action: AuditEntry, outcomes: RedriveOutcomes | None) -> Mapping[str, int]:
    """Count the sent records by outcome; for other replays than a redrive only in total."""
    if outcomes is None:
        return {"sent": _processed(cluster, action)}
    counts = outcomes.counts()
    return {"done": counts["done"], "failed": counts["failed"], "waiting": counts["waiting"]}


def _processed(cluster: KafkaAdmin, action: AuditEntry) -> int:
    """Count the records a shadow run has processed, from the committed offsets of its group."""
    positions = cluster.positions(action.group, [(each.topic, each.partition) for each in action.shifts])
    return sum(max(0, _offset(positions, (each.topic, each.partition), each.low) - each.low) for each in action.shifts)


def _offset(positions: Mapping[TopicAndPartition, CommittedOffset], partition: TopicAndPartition, low: int) -> int:
    position = positions.get(partition)
    return low if position is None else position.offset


@contextmanager
def _bars(action: AuditEntry) -> Iterator[DrawFrame]:
    """Draw one bar for the sent records, with their rate, and one per outcome. Draws only on a terminal."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        tasks = {"sent": progress.add_task("sent", total=action.letters or None)}
        rate = ProgressRate(time.monotonic())

        def draw(counts: Mapping[str, int]) -> None:
            sent = sum(counts.values())
            description = f"sent {rate.now(sent, time.monotonic()):,.0f}/s"
            progress.update(tasks["sent"], completed=sent, description=description)
            for name in counts.keys() - {"sent"}:
                if name not in tasks:
                    tasks[name] = progress.add_task(name, total=action.letters or None)
                progress.update(tasks[name], completed=counts[name])

        yield draw


class ProgressRate:
    """Growth of a count per second, over the last eight samples."""

    def __init__(self, now: float) -> None:
        self._samples: deque[tuple[float, int]] = deque([(now, 0)], maxlen=8)

    def now(self, count: int, at: float) -> float:
        """Add a sample and return the rate."""
        if len(self._samples) == 1 and not self._samples[0][1]:
            self._samples[0] = (self._samples[0][0], count)
        self._samples.append((at, count))
        (first, low), (last, high) = self._samples[0], self._samples[-1]
        return (high - low) / (last - first) if last > first else 0.0
