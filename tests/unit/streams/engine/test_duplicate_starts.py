"""A service without a lasting token may start a job twice when a try was cut short: that is counted, and only there."""

from __future__ import annotations

import pytest

from headrace.streams.engine import metrics
from headrace.streams.engine.context import Context
from headrace.streams.engine.outcome import Done, Retry
from headrace.streams.engine.runner import Runner
from headrace.streams.errors import Transient
from headrace.streams.limits.job_slots import Slots
from headrace.streams.pipeline import MORE
from headrace.streams.results import Results
from headrace.streams.stage import Stage
from tests.support.fake_services import MemoryBucket, Outside
from tests.support.records import CODEC, ready, received

VIDEO = received(ready(kind="video", duration_seconds=8.0, width=320, height=240))


class Transcoder:
    """Starts jobs; the first answer gets lost."""

    def __init__(self) -> None:
        self.started = 0

    async def start(self, *_: object) -> str:
        self.started += 1
        if self.started == 1:
            raise Transient("the answer got lost")
        return "job-2"


def counted(stage: str) -> float:
    return metrics.POSSIBLE_DUPLICATES.labels(stage)._value.get()


async def start_twice(stage: Stage, outside: Outside) -> None:
    results = Results(MemoryBucket())
    context = Context(CODEC, results, outside.services(results), Slots({}, 1))
    assert isinstance(await Runner(stage, context).run(VIDEO), Retry)
    assert isinstance(await Runner(stage, context).run(VIDEO), Done)
    assert isinstance(await Runner(stage, context).run(VIDEO), Done)


async def test_a_second_start_that_may_be_a_second_job_is_counted() -> None:
    [transcode] = [stage for stage in MORE if stage.name == "transcode"]
    before, transcoder = counted("transcode"), Transcoder()
    await start_twice(transcode, Outside(more=transcoder))
    assert (counted("transcode") - before, transcoder.started) == (1, 2)


@pytest.mark.parametrize("name", ["faces", "segments"])
async def test_a_second_start_under_a_lasting_token_is_not(name: str) -> None:
    [stage] = [stage for stage in MORE if stage.name == name]
    before = counted(name)
    await start_twice(stage, Outside(failures=[Transient("the answer got lost")]))
    assert counted(name) == before
