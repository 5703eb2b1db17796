"""Tests that possible duplicate jobs are counted for services without an idempotency token."""

from __future__ import annotations

import pytest

from headrace.streams.engine import metrics
from headrace.streams.engine.context import RunnerContext
from headrace.streams.engine.outcome import Done, Retry
from headrace.streams.engine.runner import Runner
from headrace.streams.errors import TransientError
from headrace.streams.limits.job_slots import UnlimitedSlots
from headrace.streams.pipeline import OPTIONAL_STAGES
from headrace.streams.results import ResultsStore
from headrace.streams.stage import Stage
from tests.support.fake_services import FakeServices, MemoryBucket
from tests.support.prices import PRICES
from tests.support.records import CODEC, ready, received

VIDEO = received(ready(kind="video", duration_seconds=8.0, width=320, height=240))


class Transcoder:
    """A service that starts jobs and loses its first response."""

    def __init__(self) -> None:
        self.started = 0

    async def start(self, *_: object) -> str:
        self.started += 1
        if self.started == 1:
            raise TransientError("the answer got lost")
        return "job-2"


def counted(stage: str) -> float:
    return float(metrics.SUSPECTED_DUPLICATES.labels(stage)._value.get())


async def start_twice(stage: Stage, outside: FakeServices) -> None:
    results = ResultsStore(MemoryBucket())
    context = RunnerContext(CODEC, results, outside.services(results), UnlimitedSlots(), PRICES)
    assert isinstance(await Runner(stage, context).run(VIDEO), Retry)
    assert isinstance(await Runner(stage, context).run(VIDEO), Done)
    assert isinstance(await Runner(stage, context).run(VIDEO), Done)


async def test_second_start_without_an_idempotency_token_is_counted() -> None:
    [transcode] = [stage for stage in OPTIONAL_STAGES if stage.name == "transcode"]
    before, transcoder = counted("transcode"), Transcoder()
    await start_twice(transcode, FakeServices(more=transcoder))
    assert (counted("transcode") - before, transcoder.started) == (1, 2)


@pytest.mark.parametrize("name", ["faces", "segments"])
async def test_second_start_with_an_idempotency_token_is_not_counted(name: str) -> None:
    [stage] = [stage for stage in OPTIONAL_STAGES if stage.name == name]
    before = counted(name)
    await start_twice(stage, FakeServices(failures=[TransientError("the answer got lost")]))
    assert counted(name) == before
