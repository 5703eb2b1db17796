"""What a stage will do with a record that it is given again, found out without doing it.

    given-up     it cannot be read, and will be a dead letter (again)
    unwanted     it is not this stage's business
    stored       the result is in the store and is emitted again; nothing is called
    superseded   a newer version of the object is known
    joined       a fan-in looks again whether its set is whole; nothing is called
    worked       the stage does its work again, with no call that costs
    paid         the stage makes a call that costs

The steps are those of `streams.engine.runner`, in its order.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from headrace.schemas.ids import token_stage
from headrace.schemas.records import Asset, Event, JobFinished
from headrace.streams.costs.estimates import estimate
from headrace.streams.results import AssetResults, ResultsStore
from headrace.streams.rules.record_predicate import record_predicate
from headrace.streams.stage import FanIn, Stage, record_filter

EffectKind = Literal["given-up", "unwanted", "stored", "superseded", "joined", "worked", "paid"]


@dataclass(frozen=True, slots=True)
class RecordForecast:
    """What will happen, and what it will cost in US dollars; None where nobody knows the price."""

    kind: EffectKind
    usd: float | None = 0.0


class Forecaster:
    """Tells what one stage will do, from its own rules and from what is in the store."""

    def __init__(self, stage: Stage, results: ResultsStore) -> None:
        self._stage = stage
        self._results = results
        self._wants = record_filter(stage)
        self._is_job = record_predicate(stage.job.when) if stage.job else lambda _: False

    async def effect(self, event: Event | None) -> RecordForecast:
        """Tell what becomes of a record; without its event it cannot be read. Errors of the store are `Failure`s."""
        if event is None:
            return RecordForecast("given-up")
        if isinstance(event, JobFinished):
            return await self._completion(event)
        asset: Asset | None = getattr(event, "asset", None)
        if asset is None or not self._wants(event):
            return RecordForecast("unwanted")
        shelf = await self._results.load(asset)
        if isinstance(self._stage.handler, FanIn):
            return RecordForecast("joined")
        if await self._is_stored(shelf):
            return RecordForecast("stored")
        if shelf.newer:
            return RecordForecast("superseded")
        if self._is_job(event) and await shelf.stored(f"{self._stage.result_name}.started"):
            return RecordForecast("stored")
        return self._cost(event)

    async def _completion(self, event: JobFinished) -> RecordForecast:
        """A completion is about what its job was started for; to fetch what the job found costs nothing."""
        if self._stage.job is None or token_stage(event.token) != self._stage.name:
            return RecordForecast("unwanted")
        intent = await self._results.intent(event.token)
        if intent is None:
            return RecordForecast("given-up")
        shelf = await self._results.load(intent.record().asset)
        if await self._is_stored(shelf):
            return RecordForecast("stored")
        if shelf.newer:
            return RecordForecast("superseded")
        return RecordForecast("given-up" if event.status == "failed" else "worked")

    async def _is_stored(self, shelf: AssetResults) -> bool:
        """Ask for the result itself only where its name does not tell."""
        newest = shelf.result(self._stage.name)
        if newest is None or newest == self._stage.result_name:
            return newest is not None
        return await shelf.stored(self._stage.result_name) is not None

    def _cost(self, event: Event) -> RecordForecast:
        return (
            RecordForecast("paid", estimate(self._stage, event))
            if self._stage.paid_operations
            else RecordForecast("worked")
        )
