"""Fan in: emit an event once every expected stage of an asset has succeeded or failed."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from headrace.schemas import topics
from headrace.schemas.records import Asset, MediaCompleted, StageFailure
from headrace.schemas.topics import Topic, dead_letters
from headrace.streams.handlers import FanIn
from headrace.streams.results import AssetResults
from headrace.streams.stage import Stage, charges_of, record_filter


def completion_of(stages: tuple[Stage, ...]) -> Stage:
    """Build the stage that reads the results and dead letters of all other stages."""
    sources = tuple(stage for stage in stages if stage.writes is not None)

    async def completed(asset: Asset, results: AssetResults) -> MediaCompleted | None:
        """Return the summary; None while an expected stage has neither result nor failure.

        Each of an asset's records calls it, so that an incomplete set must need few reads: the names of the results are
        known, and only the events that decide whether a missing stage is expected are read.
        """
        missing = [stage for stage in sources if not (results.failed(stage.name) or results.result(stage.name))]
        for stage in missing:
            if await _expected(stage, sources, results):
                return None
        expected = [stage for stage in sources if stage not in missing and await _expected(stage, sources, results)]
        return await _summary(asset, expected, results)

    reads = tuple(topic for stage in sources for topic in (stage.writes, dead_letters(stage.name)) if topic)
    return Stage("completed", reads=reads, writes=topics.COMPLETED, handler=FanIn(completed))


async def _summary(asset: Asset, ended: Sequence[Stage], results: AssetResults) -> MediaCompleted:
    """Return what became of the stages that have ended. Reads one object per stage."""
    succeeded: list[str] = []
    failed: list[StageFailure] = []
    usd = 0.0
    for stage in ended:
        if results.failed(stage.name):
            failed.append(await results.failure(stage.name))
        else:
            succeeded.append(stage.name)
            event = await results.event(stage.name)
            usd += sum(charge.usd for charge in charges_of(event)) if event else 0.0
    return MediaCompleted(asset=asset, succeeded=tuple(succeeded), failed=tuple(failed), usd=round(usd, 6))


async def _expected(stage: Stage, stages: tuple[Stage, ...], results: AssetResults) -> bool:
    """Return whether a stage will have a result or a failure.

    A fan-in needs a matching result of every stage that it reads, or of those that it needs for this asset; any other
    stage of at least one. A stage that reads from none of the others gets its records from the bridge.
    """
    needed = await _needed(stage, stages, results)
    producers = [producer for producer in stages if producer.writes in needed]
    feeding = [await _may_feed(producer, stage, stages, results) for producer in producers]
    return not producers or (all(feeding) if isinstance(stage.handler, FanIn) else any(feeding))


async def _needed(stage: Stage, stages: tuple[Stage, ...], results: AssetResults) -> Collection[Topic]:
    """Return the topics that a stage reads; of a fan-in with `needs`, those that it needs for this asset."""
    if not isinstance(stage.handler, FanIn) or stage.handler.needs is None:
        return stage.reads
    first = next((each for each in stages if each.writes == stage.reads[0]), None)
    event = await results.event(first.name) if first else None
    if event is None:
        return stage.reads
    return (stage.reads[0], *stage.handler.needs(event))


async def _may_feed(producer: Stage, stage: Stage, stages: tuple[Stage, ...], results: AssetResults) -> bool:
    """Return whether `producer` has a result that matches the filter of `stage`, or may still have one."""
    if results.failed(producer.name) or not await _expected(producer, stages, results):
        return False
    event = await results.event(producer.name)
    if event is None:
        return results.result(producer.name) is None
    return record_filter(stage)(event)
