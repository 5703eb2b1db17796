"""Fan in: say that every stage that was expected for an asset has ended, well or not."""

from __future__ import annotations

from headrace.schemas import topics
from headrace.schemas.records import Asset, MediaCompleted, StageFailure
from headrace.schemas.topics import dead_letters
from headrace.streams.results import AssetResults
from headrace.streams.stage import FanIn, Stage, charges_of, record_filter


def completion_of(stages: tuple[Stage, ...]) -> Stage:
    """Build the stage that watches all the others, results and dead letters alike."""
    watched = tuple(stage for stage in stages if stage.writes is not None)

    async def completed(asset: Asset, shelf: AssetResults) -> MediaCompleted | None:
        """Sum up once nothing is expected any more."""
        succeeded: list[str] = []
        failed: list[StageFailure] = []
        usd = 0.0
        for stage in watched:
            if not await _expected(stage, watched, shelf):
                continue
            if shelf.failed(stage.name):
                failed.append(await shelf.failure(stage.name))
            elif shelf.result(stage.name):
                succeeded.append(stage.name)
                event = await shelf.event(stage.name)
                usd += sum(charge.usd for charge in charges_of(event)) if event else 0.0
            else:
                return None
        return MediaCompleted(asset=asset, succeeded=tuple(succeeded), failed=tuple(failed), usd=round(usd, 6))

    reads = tuple(topic for stage in watched for topic in (stage.writes, dead_letters(stage.name)) if topic)
    return Stage("completed", reads=reads, writes=topics.COMPLETED, handler=FanIn(completed))


async def _expected(stage: Stage, stages: tuple[Stage, ...], shelf: AssetResults) -> bool:
    """Whether a stage will ever say something: all that a fan-in joins, any that another reads, was made and is wanted.

    What nobody here makes comes from the bridge.
    """
    makers = [maker for maker in stages if maker.writes in stage.reads]
    comes = [await _comes(maker, stage, stages, shelf) for maker in makers]
    return not makers or (all(comes) if isinstance(stage.handler, FanIn) else any(comes))


async def _comes(maker: Stage, stage: Stage, stages: tuple[Stage, ...], shelf: AssetResults) -> bool:
    """Whether a stage gets something from this maker that it wants, or still may."""
    if shelf.failed(maker.name) or not await _expected(maker, stages, shelf):
        return False
    event = await shelf.event(maker.name)
    if event is None:
        return shelf.result(maker.name) is None
    return record_filter(stage)(event)
