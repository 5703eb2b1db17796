"""Tasks of activities are handed out once, and committed when a worker has taken them."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator, Mapping

from headrace.console.machines.activity_queue import ActivityQueue
from headrace.console.machines.task_source import TaskPlace
from headrace.schemas.records import ActivityScheduled

PLACE: TaskPlace = ("machines.activities", 0)


def scheduled(activity: str, number: int) -> ActivityScheduled:
    return ActivityScheduled(activity=activity, execution="e", task=f"0.{number}", token=f"t{number}", input="{}")


class FakeSource:
    """Returns some tasks once, and records commits."""

    def __init__(self, *tasks: ActivityScheduled) -> None:
        self._tasks = list(enumerate(tasks))
        self.committed: dict[TaskPlace, int] = {}
        self.closed = threading.Event()

    def poll(self, seconds: float) -> Iterator[tuple[TaskPlace, int, ActivityScheduled]]:
        tasks, self._tasks = self._tasks, []
        yield from ((PLACE, offset, task) for offset, task in tasks)

    def commit(self, offsets: Mapping[TaskPlace, int]) -> None:
        self.committed |= offsets

    def close(self) -> None:
        self.closed.set()


def test_tasks_are_taken_once_in_their_order() -> None:
    source = FakeSource(scheduled("a", 0), scheduled("b", 1), scheduled("a", 2))
    queue = ActivityQueue(lambda: source)

    async def take() -> list[str | None]:
        found = [await queue.take(name, seconds) for name, seconds in (("a", 5), ("b", 5), ("a", 5), ("a", 0))]
        return [task.token if task else None for task in found]

    assert asyncio.run(take()) == ["t0", "t1", "t2", None]
    queue.close()
    assert source.closed.is_set()


def test_offset_is_that_of_the_first_task_without_a_worker() -> None:
    queue = ActivityQueue(FakeSource)
    for offset, name in enumerate(("a", "b", "a")):
        queue.add(PLACE, offset, scheduled(name, offset))
    assert queue.committable() == {PLACE: 0}
    assert queue._pop("a") is not None
    assert queue.committable() == {PLACE: 1}
    assert queue._pop("b") is not None
    assert queue.committable() == {PLACE: 2}
    assert queue._pop("a") is not None
    assert queue.committable() == {PLACE: 3}
