"""Tests that all workers together stay within the concurrent-job quota of a service, and use it."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Coroutine
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.schemas.messages import ConsumerRecord, ProducerRecord, SendError
from headrace.schemas.parsing import InvalidValueError
from headrace.streams.errors import OutageError, RetryAt
from headrace.streams.limits.job_quotas import JobQuotas
from headrace.streams.limits.slot_records import SlotClaim, SlotEnd, SlotStart, WorkerHeartbeat, from_record, to_record
from tests.support import virtual_time
from tests.support.records import CODEC, NOW, arrived, job_finished
from tests.support.slot_log import EPOCH, QUOTA, QUOTAS, SESSION_SECONDS, MemorySlotLog, SlotWorker, compacted, folded

JOB_SECONDS = 10.0
DEADLINE = 3600.0


def token(number: int, stage: str = "labels") -> str:
    return f"{stage}-{number:040x}"


class Service:
    """A service that runs jobs, once per token, and the stages that work on a list of jobs."""

    def __init__(self, names: list[str], quotas: JobQuotas = QUOTAS) -> None:
        self.log = MemorySlotLog()
        self.quotas = quotas
        self.workers = [SlotWorker(self.log, name, quotas) for name in names]
        self.running: set[str] = set()
        self.ended: dict[str, float] = {}
        self.most = 0
        self.busy_seconds = 0.0
        self._owners: dict[str, SlotWorker] = {}
        self._tasks: list[asyncio.Task[None]] = []

    def give(self, jobs: list[str], worker: SlotWorker) -> None:
        for each in jobs:
            self._owners[each] = worker
            self._tasks.append(asyncio.create_task(self._process(each, worker)))

    async def _process(self, job: str, worker: SlotWorker) -> None:
        while True:
            try:
                await worker.slots.acquire(job, DEADLINE)
            except RetryAt as error:
                await asyncio.sleep(error.after)
            else:
                break
        if not worker.dead and job not in self.ended and job not in self.running:
            self.running.add(job)
            self.most = max(self.most, len(self.running))
            self._tasks.append(asyncio.create_task(self._run(job)))

    async def _run(self, job: str) -> None:
        seconds = JOB_SECONDS * random.Random(job).uniform(0.5, 1.5)
        await asyncio.sleep(seconds)
        self.busy_seconds += seconds
        self.running.discard(job)
        self.ended[job] = asyncio.get_running_loop().time()
        await asyncio.sleep(0.1)
        completion = ConsumerRecord("jobs.finished", 0, 0, 0.0, job.encode(), CODEC.encode(job_finished(job)))
        for worker in self.alive():
            worker.view.take_finished(completion, CODEC)
        with contextlib.suppress(OutageError):
            await self.alive()[0].slots.end(job)

    def alive(self) -> list[SlotWorker]:
        return [worker for worker in self.workers if not worker.dead]

    def kill(self, worker: SlotWorker) -> list[str]:
        """Kill a worker; return its jobs that have not ended."""
        worker.kill()
        return self.unfinished(worker)

    def unfinished(self, worker: SlotWorker) -> list[str]:
        return [job for job, owner in self._owners.items() if owner is worker and job not in self.ended]

    async def all_end(self, jobs: list[str], seconds: float) -> None:
        async with asyncio.timeout(seconds):
            while len(self.ended) < len(jobs):
                await asyncio.sleep(0.5)
        await asyncio.sleep(SESSION_SECONDS)


class UnavailableLog(SlotWorker):
    """A worker whose broker accepts no record."""

    async def append(self, record: ProducerRecord) -> int:
        raise SendError("system.slots", "not enough replicas", final=False)


def simulate(work: Coroutine[Any, Any, None]) -> None:
    virtual_time.run(work)


def jobs(count: int) -> list[str]:
    return [token(number, ("labels", "faces")[number % 2]) for number in range(count)]


def test_quota_is_never_exceeded_and_at_least_95_percent_used() -> None:
    async def scenario() -> None:
        limit = 20
        service = Service(["w1", "w2", "w3", "w4"], JobQuotas({"rekognition": limit}, QUOTAS.pools))
        queue = jobs(400)
        for number, worker in enumerate(service.workers):
            service.give(queue[number::4], worker)
        begin = asyncio.get_running_loop().time()
        while len(service.ended) < 300:  # under load: more jobs wait than there are slots
            await asyncio.sleep(0.1)
        used = service.busy_seconds / (limit * (asyncio.get_running_loop().time() - begin))
        assert service.most == limit
        assert used >= 0.95
        await service.all_end(queue, 600)

    simulate(scenario())


@pytest.mark.parametrize("seed", range(12))
def test_killed_and_frozen_workers_neither_exceed_the_quota_nor_keep_slots(seed: int) -> None:
    draw = random.Random(seed)

    async def scenario() -> None:
        service = Service(["w1", "w2", "w3", "w4"])
        queue = jobs(60)
        for number, worker in enumerate(service.workers):
            service.give(queue[number::4], worker)
        await asyncio.sleep(draw.uniform(0, 20))
        for victim in draw.sample(service.workers, 3):
            frozen = draw.random() < 0.5
            if frozen:  # and its partitions are assigned to another worker, as after a session timeout
                victim.frozen_until = asyncio.get_running_loop().time() + draw.uniform(1, 40)
                left = service.unfinished(victim)
            else:
                left = service.kill(victim)
            await asyncio.sleep(draw.uniform(0, SESSION_SECONDS))
            service.give(left, draw.choice(service.alive()))
            await asyncio.sleep(draw.uniform(0, 10))
        await service.all_end(queue, 60 / QUOTA * JOB_SECONDS * 1.5 + 6 * SESSION_SECONDS)
        assert service.most <= QUOTA
        newest = service.alive()[0].view
        assert newest.read(lambda queue: [*queue.waiting(), *queue.pools["rekognition"].started]) == []

    simulate(scenario())


def test_dead_workers_claims_are_removed_within_its_session_timeout() -> None:
    async def scenario() -> None:
        service = Service(["dead", "w2"])
        dead, other = service.workers
        service.give(jobs(QUOTA), dead)
        await asyncio.sleep(1)
        waiting = [token(number) for number in range(100, 120)]
        service.give(waiting, dead)
        await asyncio.sleep(1)
        service.give([token(200)], other)
        await asyncio.sleep(JOB_SECONDS / 4)
        service.kill(dead)
        await asyncio.sleep(SESSION_SECONDS)
        assert [name for name, _ in other.view.read(lambda queue: queue.waiting()) if name in waiting] == []

    simulate(scenario())


def test_every_claim_is_granted_in_its_turn() -> None:
    """A worker that claims many slots at once does not starve another one."""

    async def scenario() -> None:
        service = Service(["busy", "w2"])
        busy, other = service.workers
        service.give(jobs(500), busy)
        await asyncio.sleep(1)
        begin = asyncio.get_running_loop().time()
        service.give([token(1000)], other)
        while token(1000) not in service.ended:
            await asyncio.sleep(0.1)
        turns = 32 * 2 / QUOTA  # both stages of the busy worker have 32 claims
        assert service.ended[token(1000)] - begin < (turns + 3) * JOB_SECONDS * 1.2

    simulate(scenario())


def test_more_records_than_may_wait_are_deferred_until_the_queue_has_drained() -> None:
    async def scenario() -> None:
        worker = SlotWorker(MemorySlotLog(), "w1")
        tasks = [asyncio.create_task(worker.slots.acquire(token(number), DEADLINE)) for number in range(QUOTA + 32)]
        await asyncio.sleep(1)
        with pytest.raises(RetryAt, match="all 5 slots are taken, and 32 records wait") as error:
            await worker.slots.acquire(token(99), DEADLINE)
        assert (error.value.code, 2.5 <= error.value.after <= 300) == ("slots", True)
        assert sum(worker.slots.is_waiting(task) for task in tasks) == 32

    simulate(scenario())


def test_cancelled_wait_gives_its_claim_up() -> None:
    async def scenario() -> None:
        worker = SlotWorker(MemorySlotLog(), "w1")
        tasks = [asyncio.create_task(worker.slots.acquire(token(number), DEADLINE)) for number in range(QUOTA + 1)]
        await asyncio.sleep(1)
        next(task for task in tasks if worker.slots.is_waiting(task)).cancel()
        await asyncio.sleep(1)
        assert worker.view.read(lambda queue: queue.waiting()) == []

    simulate(scenario())


@pytest.mark.parametrize("seconds", [0.001 * number for number in range(0, 80, 4)])
def test_wait_cancelled_at_any_time_keeps_no_slot(seconds: float) -> None:
    async def scenario() -> None:
        worker = SlotWorker(MemorySlotLog(), "w1")
        task = asyncio.create_task(worker.slots.acquire(token(1), DEADLINE))
        await asyncio.sleep(seconds)
        task.cancel()
        await asyncio.wait([task])
        await asyncio.sleep(1)
        held = worker.view.read(lambda queue: queue.holds(token(1)))
        assert held == (not task.cancelled())
        assert worker.view.read(lambda queue: queue.waiting()) == []

    simulate(scenario())


def test_job_keeps_its_slot_and_a_rejected_or_ended_one_frees_it() -> None:
    async def scenario() -> None:
        worker = SlotWorker(MemorySlotLog(), "w1")
        assert await worker.slots.acquire(token(1), DEADLINE)
        assert not await worker.slots.acquire(token(1), DEADLINE)
        await worker.slots.release(token(1))
        await asyncio.sleep(1)
        assert await worker.slots.acquire(token(1), DEADLINE)
        await worker.slots.end(token(1))
        await asyncio.sleep(1)
        assert not await worker.slots.acquire(token(1), DEADLINE)  # the same job, which has no second completion
        assert worker.view.read(lambda queue: queue.start_of(token(1))) is None

    simulate(scenario())


def test_overdue_job_frees_its_slot_for_the_jobs_that_wait() -> None:
    async def scenario() -> None:
        worker = SlotWorker(MemorySlotLog(), "w1", JobQuotas({"labels": 1}, {"labels": "labels"}))
        await worker.slots.acquire(token(1), 60.0)
        async with asyncio.timeout(60 + SESSION_SECONDS):
            await worker.slots.acquire(token(2), 60.0)
        assert asyncio.get_running_loop().time() > 60

    simulate(scenario())


def test_stage_without_a_quota_is_not_limited() -> None:
    async def scenario() -> None:
        worker = SlotWorker(MemorySlotLog(), "w1")
        for number in range(1000):
            await worker.slots.acquire(token(number, "other"), DEADLINE)
        await worker.slots.end(token(1, "other"))

    simulate(scenario())


def test_claim_that_kafka_does_not_accept_is_an_outage() -> None:
    async def scenario() -> None:
        worker = UnavailableLog(MemorySlotLog(), "w1")
        with pytest.raises(OutageError, match="no job slot can be claimed"):
            await worker.slots.acquire(token(1), DEADLINE)

    simulate(scenario())


RECORDS = st.lists(
    st.tuples(
        st.sampled_from([token(number) for number in range(4)]),
        st.one_of(
            st.builds(SlotClaim, st.sampled_from(["w1", "w2"])),
            st.builds(SlotStart, st.just("w1"), st.integers(0, 20), st.just(NOW), st.just(NOW)),
            st.builds(SlotEnd, st.one_of(st.none(), st.integers(0, 20)), st.booleans()),
        ),
    ),
    max_size=30,
)


@given(records=RECORDS)
def test_no_order_of_records_grants_more_than_the_quota(
    records: list[tuple[str, SlotClaim | SlotStart | SlotEnd]],
) -> None:
    log = MemorySlotLog()
    started: set[str] = set()
    for name, content in records:
        queue = folded(log.records)
        if isinstance(content, SlotStart):  # a worker starts only what its view grants
            if not (queue.claims(name, content.claim) and queue.is_granted(name)):
                continue
            started.add(name)
        if isinstance(content, SlotEnd) and (content.claim is None or not content.waiting):
            started.discard(name)
        log.write(to_record(name, content))
        assert len(folded(log.records).pools["rekognition"].started) <= QUOTA


@pytest.mark.parametrize("seed", range(10))
def test_compaction_changes_neither_running_jobs_nor_grants(seed: int) -> None:
    draw = random.Random(seed)

    async def scenario() -> None:
        service = Service(["w1", "w2"])
        queue = jobs(40)
        for number, worker in enumerate(service.workers):
            service.give(queue[number::2], worker)
        await asyncio.sleep(draw.uniform(1, 60))
        whole, short = folded(service.log.records), folded(compacted(service.log.records))
        assert short.waiting() == sorted(whole.waiting(), key=lambda each: each[1].offset)
        assert short.pools["rekognition"].started == whole.pools["rekognition"].started
        assert len(compacted(service.log.records)) <= 40

    simulate(scenario())


@pytest.mark.parametrize(
    "content",
    [SlotClaim("w1"), SlotStart("w1", 7, NOW, NOW), SlotEnd(), SlotEnd(7), SlotEnd(7, True), WorkerHeartbeat()],
)
def test_record_is_read_as_it_was_written(content: SlotClaim | SlotStart | SlotEnd | WorkerHeartbeat) -> None:
    log = MemorySlotLog()
    log.write(to_record(token(1), content))
    assert from_record(log.records[0]) == (token(1), content)


def test_record_of_another_kind_is_ignored() -> None:
    assert from_record(ConsumerRecord("system.slots", 0, 0, 0.0, b"other", b"x")) is None


def test_forged_start_holds_no_slot_for_years() -> None:
    start = SlotStart("w", 0, EPOCH, EPOCH + timedelta(days=31))
    record = to_record(token(1), start)
    assert from_record(arrived(record, timestamp=EPOCH.timestamp())) == (token(1), start)
    with pytest.raises(InvalidValueError, match="more than 31 days"):
        from_record(arrived(record, timestamp=EPOCH.timestamp() - 1))
