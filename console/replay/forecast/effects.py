"""Forecast what a stage does with a record that is replayed.

    given-up     it becomes a dead letter (again)
    unwanted     it is not for this stage
    stored       the stored result is emitted again; no service is called
    reused       the result of identical content is copied; no service is called
    superseded   a newer version of the object is known
    joined       a fan-in checks again whether its set is complete; no service is called
    worked       the stage runs again, without a billed call
    paid         the stage makes a billed call

The decision is the runner's own: `streams.engine.decide`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, assert_never

from headrace.schemas.records import Event
from headrace.streams.costs.estimates import estimate
from headrace.streams.costs.prices import PriceList
from headrace.streams.engine.decide import (
    Call,
    Check,
    Decider,
    Decision,
    EmitStored,
    Fail,
    Finish,
    Gather,
    Reject,
    Route,
    Skip,
    Start,
    Superseded,
)
from headrace.streams.engine.job_failures import has_reason
from headrace.streams.results import ResultsStore
from headrace.streams.reuse.lookup import ReuseLookup
from headrace.streams.stage import Stage

EffectKind = Literal["given-up", "unwanted", "stored", "reused", "superseded", "joined", "worked", "paid"]


@dataclass(frozen=True, slots=True)
class RecordForecast:
    """What happens to a record, and its cost in US dollars; None if the price is unknown."""

    kind: EffectKind
    usd: float | None = 0.0


class Forecaster:
    """Forecasts for one stage, from its filters, the results store and the prices; `reuse` if it reuses results."""

    def __init__(
        self, stage: Stage, results: ResultsStore, prices: PriceList, reuse: ReuseLookup | None = None
    ) -> None:
        self._stage = stage
        self._prices = prices
        self._reuse = reuse
        self._decider = Decider(stage, results)

    async def effect(self, event: Event | None, topic: str = "") -> RecordForecast:
        """Forecast one record; `event` is None if it cannot be parsed. Raises `StageError` if the store is down."""
        if event is None:
            return RecordForecast("given-up")
        if not self._decider.accepts(event, topic):
            return RecordForecast("unwanted")
        decision = await self._decider.decide(event, topic)
        if isinstance(decision, Call | Start) and self._reuse is not None and await self._reuse.reuses(event):
            return RecordForecast("reused")
        return self._forecast(decision, event)

    def _forecast(self, decision: Decision, event: Event) -> RecordForecast:
        match decision:
            case Skip():
                return RecordForecast("unwanted")
            case Reject():
                return RecordForecast("given-up")
            case Fail():
                is_final = has_reason(decision.finished.job) and decision.handler.explain is None
                return RecordForecast("given-up" if is_final else "worked")
            case EmitStored():
                return RecordForecast("stored")
            case Superseded():
                return RecordForecast("superseded")
            case Gather():
                return RecordForecast("joined")
            case Finish() | Check() | Route():
                return RecordForecast("worked")
            case Call() | Start():
                if not self._stage.paid_operations:
                    return RecordForecast("worked")
                return RecordForecast("paid", estimate(self._stage, event, self._prices))
            case _:
                assert_never(decision)
