"""Over the budget there is no call, and the letter says what it would have cost."""

from __future__ import annotations

import dataclasses

from headrace.streams.costs.asset_budget import BudgetLimits
from headrace.streams.engine.context import RunnerContext
from headrace.streams.engine.outcome import Dead, Done, Outcome
from headrace.streams.engine.runner import Runner
from headrace.streams.limits.job_slots import JobSlots
from headrace.streams.pipeline import get_stages
from headrace.streams.results import ResultsStore
from tests.support.fake_services import FakeServices, MemoryBucket
from tests.support.records import CODEC, ready, received


async def run(names: list[str], usd: float, **record: object) -> tuple[list[Outcome], FakeServices]:
    """Run stages one after the other over one record, with a budget."""
    outside, results = FakeServices(), ResultsStore(MemoryBucket())
    context = RunnerContext(CODEC, results, outside.services(results), JobSlots({}, 1), budget=BudgetLimits(usd))
    event = received(ready(**record))
    return [await Runner(get_stages([name])[0], context).run(event) for name in names], outside


async def test_what_fits_is_bought() -> None:
    outcomes, outside = await run(["labels", "moderation"], 0.002)
    assert all(isinstance(outcome, Done) for outcome in outcomes)
    assert outside.asked("detect") == 2


async def test_what_would_go_over_it_is_a_dead_letter_and_no_call_is_made() -> None:
    (first, second), outside = await run(["labels", "moderation"], 0.0015)
    assert isinstance(first, Done)
    assert isinstance(second, Dead)
    assert second.code == "budget"
    assert "$0.0010 are spent on this version and this is $0.0010 more, the budget is $0.0015" in second.why
    assert outside.asked("detect") == 1


async def test_a_job_is_priced_by_its_minutes() -> None:
    [refused], outside = await run(["labels"], 1.0, kind="video", duration_seconds=660.0)
    assert isinstance(refused, Dead)
    assert outside.asked("start") == 0


async def test_a_result_that_is_there_is_emitted_whatever_the_budget() -> None:
    results, outside = ResultsStore(MemoryBucket()), FakeServices()
    context = RunnerContext(CODEC, results, outside.services(results), JobSlots({}, 1))
    stage, event = get_stages(["labels"])[0], received(ready())
    assert isinstance(await Runner(stage, context).run(event), Done)
    poor = dataclasses.replace(context, budget=BudgetLimits(0.0001))
    assert isinstance(await Runner(stage, poor).run(event), Done)


async def test_stages_that_cost_nothing_go_on() -> None:
    results = ResultsStore(MemoryBucket())
    context = RunnerContext(CODEC, results, FakeServices().services(results), JobSlots({}, 1), budget=BudgetLimits(0.0))
    assert isinstance(await Runner(get_stages(["ready"])[0], context).run(received(ready())), Done)
