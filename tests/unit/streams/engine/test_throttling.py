"""Tests throttling of nine calls in ten for a minute: records wait and none becomes a dead letter."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from typing import Any

from headrace.sandbox.ai.framework.faults import Fault, Faults
from headrace.schemas.messages import ConsumerRecord, ProducerRecord
from headrace.streams.engine.context import RunnerContext
from headrace.streams.engine.headers import due_at
from headrace.streams.engine.processor import Processor
from headrace.streams.errors import ThrottledError
from headrace.streams.limits.job_slots import UnlimitedSlots
from headrace.streams.results import ResultsStore
from headrace.streams.service_results import VisionResult
from headrace.streams.vision_features import Feature
from tests.support import virtual_time
from tests.support.fake_services import FakeServices, MemoryBucket
from tests.support.prices import PRICES
from tests.support.records import CODEC, NOW, arrived, asset, ready, received
from tests.support.stages import get_stages

THROTTLED_SECONDS = 60
A_SECOND = 5
CALL_SECONDS = 0.2
SOON = 10.0


class Service(FakeServices):
    """A service that responds after a delay or throttles, as the local endpoint does."""

    def __init__(self) -> None:
        super().__init__()
        self.faults = Faults()
        self.refused = 0

    async def detect(self, feature: Feature, asset: Any) -> VisionResult:
        if self.faults.should_fail("DetectLabels", "throttle"):
            self.refused += 1
            raise ThrottledError("slow down")
        await asyncio.sleep(CALL_SECONDS)
        return await super().detect(feature, asset)


class Log:
    """A producer that redelivers retry records when they are due."""

    def __init__(self, tasks: asyncio.TaskGroup) -> None:
        self.service = Service()
        self.done: list[bytes | None] = []
        self.dead: list[ProducerRecord] = []
        self._tasks = tasks
        results = ResultsStore(MemoryBucket())
        services = self.service.services(results)
        context = RunnerContext(CODEC, results, services, UnlimitedSlots(), PRICES, lambda: NOW, random.Random(7))
        self._processor = Processor(get_stages(["labels"])[0], context, self)

    def put(self, number: int) -> None:
        self._tasks.create_task(self._work(received(ready(asset(f"{number}.jpg")))))

    async def send(self, messages: Sequence[ProducerRecord]) -> None:
        for message in messages:
            if message.topic == "labels.retry":
                self._tasks.create_task(self._work(arrived(message, 0, asyncio.get_running_loop().time())))
            elif message.topic == "labels.dlq":
                self.dead.append(message)
            else:
                self.done.append(message.key)

    async def _work(self, record: ConsumerRecord) -> None:
        await asyncio.sleep(max(0.0, due_at(record) - asyncio.get_running_loop().time()))
        await self._processor.process(record)


async def throttled_for_a_minute() -> None:
    async with asyncio.TaskGroup() as tasks:
        log = Log(tasks)
        log.service.faults.add(Fault("DetectLabels", "throttle", share=0.9))
        sent = THROTTLED_SECONDS * A_SECOND
        for number in range(sent):
            log.put(number)
            await asyncio.sleep(1 / A_SECOND)
        assert log.service.refused > sent
        assert len(log.done) < sent

        log.service.faults.clear()
        waiting = sent - len(log.done)
        assert waiting > A_SECOND * 10, "else there is nothing to catch up with"
        async with asyncio.timeout(SOON + CALL_SECONDS):
            while len(log.done) < sent:
                await asyncio.sleep(CALL_SECONDS)

        for number in range(sent, sent + 100):
            log.put(number)
        async with asyncio.timeout(2 * CALL_SECONDS):
            while len(log.done) < sent + 100:
                await asyncio.sleep(CALL_SECONDS / 2)
    assert log.dead == []


def test_throttled_for_a_minute_all_records_finish_within_ten_seconds() -> None:
    virtual_time.run(throttled_for_a_minute())
