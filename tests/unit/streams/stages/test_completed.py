"""The fan-in that completes an asset: which stages it waits for, and how many objects it reads."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import msgspec
import pytest

from headrace.schemas.records import EVENTS, Event, MediaCompleted, StageFailure
from headrace.schemas.serde import catalog
from headrace.streams import pipeline
from headrace.streams.handlers import FanIn
from headrace.streams.pipeline import load_config
from headrace.streams.results import ResultsStore
from headrace.streams.stage import Stage
from tests.support import golden
from tests.support.fake_services import MemoryBucket
from tests.support.records import asset, envelope, ready

ALL = str(Path(__file__).parents[4] / "sandbox" / "demo" / "all_stages.toml")
BEFORE = ("scan", "probe", "ready", "documents", "translation")
"""The stages whose results other stages of an image read."""
LAST = (
    *("thumbnails", "labels", "moderation", "faces", "text-in-video", "celebrities", "describe", "custom-labels"),
    *("data-automation", "entities", "sentiment", "key-phrases", "language", "pii", "summary", "embedding", "voice"),
    "redact",
)
OF_IMAGES = (*BEFORE, *LAST)
MOST_READS = 6
"""Objects that a record of an incomplete set may read: results that decide whether a missing stage is expected."""


class World:
    """The stored results of an image in a pipeline with every stage."""

    def __init__(self) -> None:
        self.stages = {stage.name: stage for stage in pipeline.stages(load_config(ALL))}
        self.bucket = MemoryBucket()
        self.results = ResultsStore(self.bucket)

    async def store(self, name: str) -> None:
        event = _event(self.stages[name])
        await self.results.put(asset(), self.stages[name].result_name, event, envelope(event), "cause")

    async def completion(self) -> MediaCompleted | None:
        """Return the summary of what is stored; None while a stage is expected."""
        handler = self.stages["completed"].handler
        assert isinstance(handler, FanIn)
        found = await handler.gather(asset(), await self.results.load(asset()))
        assert found is None or isinstance(found, MediaCompleted)
        return found

    def reads(self) -> int:
        return self.bucket.calls.count("get")


def _event(stage: Stage) -> Event:
    """Return an example of a stage's event for the image."""
    assert stage.writes is not None
    [kind] = stage.writes.events
    newest = max((each for each in catalog.versions() if each.event == kind.EVENT), key=lambda each: each.number)
    example: Any = msgspec.convert(golden.read(newest).record, EVENTS[kind.EVENT])
    changes = {"words": 5, "target": "de", "asset": asset(), "charges": ()}
    event: Event = msgspec.structs.replace(
        example, **{name: value for name, value in changes.items() if name in example.__struct_fields__}
    )
    return ready(width=640, height=360) if stage.name == "ready" else event


async def test_asset_is_complete_with_the_last_expected_result() -> None:
    world = World()
    for name in OF_IMAGES:
        assert await world.completion() is None, name
        await world.store(name)
    completed = await world.completion()
    assert completed is not None
    assert sorted(completed.succeeded) == sorted(OF_IMAGES)


@pytest.mark.parametrize("seed", range(5))
async def test_incomplete_set_reads_few_objects_however_many_stages_have_ended(seed: int) -> None:
    world, last = World(), list(LAST)
    random.Random(seed).shuffle(last)
    for name in (*BEFORE, *last[:-1]):
        await world.store(name)
        before = world.reads()
        assert await world.completion() is None
        assert world.reads() - before <= MOST_READS, name
    await world.store(last[-1])
    before = world.reads()
    assert await world.completion() is not None
    assert world.reads() - before <= len(OF_IMAGES), "each result is read once, for its charges"


async def test_failed_stage_completes_the_asset_without_the_stages_behind_it() -> None:
    world = World()
    behind = LAST[LAST.index("entities") : LAST.index("voice") + 1]
    for name in OF_IMAGES:
        if name not in (*behind, "documents", "translation"):
            await world.store(name)
    assert await world.completion() is None
    failure = StageFailure(stage="documents", code="unreadable", reason="")
    await world.results.put_failure(asset(), world.stages["documents"].result_name, failure)
    completed = await world.completion()
    assert completed is not None
    assert [each.stage for each in completed.failed] == ["documents"]
    assert "entities" not in completed.succeeded
