"""Tests of the asset budget: a call over the budget is not made, and the dead letter names its cost."""

from __future__ import annotations

import dataclasses
from typing import Any

from headrace.streams.costs.asset_budget import BudgetLimits
from headrace.streams.engine.context import RunnerContext
from headrace.streams.engine.outcome import Dead, Done, Outcome
from headrace.streams.engine.runner import Runner
from headrace.streams.limits.job_slots import UnlimitedSlots
from headrace.streams.result_paths import version_folder
from headrace.streams.results import ResultsStore
from tests.support.fake_services import FakeServices, MemoryBucket
from tests.support.prices import PRICES
from tests.support.records import CODEC, ready, received
from tests.support.stages import get_stages


async def run(names: list[str], usd: float, **record: Any) -> tuple[list[Outcome], FakeServices]:
    """Run stages one after the other on one record, with a budget."""
    services, results = FakeServices(), ResultsStore(MemoryBucket())
    context = RunnerContext(
        CODEC, results, services.services(results), UnlimitedSlots(), PRICES, budget=BudgetLimits(usd)
    )
    event = received(ready(**record))
    return [await Runner(get_stages([name])[0], context).run(event) for name in names], services


async def test_allows_calls_within_the_budget() -> None:
    outcomes, services = await run(["labels", "moderation"], 0.002)
    assert all(isinstance(outcome, Done) for outcome in outcomes)
    assert services.asked("detect") == 2


async def test_call_over_the_budget_becomes_a_dead_letter() -> None:
    (first, second), services = await run(["labels", "moderation"], 0.0015)
    assert isinstance(first, Done)
    assert isinstance(second, Dead)
    assert second.code == "budget"
    assert "$0.0015 per version exceeded: $0.0010 spent on this version, this call costs $0.0010" in second.why
    assert services.asked("detect") == 1


async def test_prices_jobs_by_minute() -> None:
    [rejected], services = await run(["labels"], 1.0, kind="video", duration_seconds=660.0)
    assert isinstance(rejected, Dead)
    assert services.asked("start") == 0


async def test_emits_stored_results_regardless_of_the_budget() -> None:
    results, services = ResultsStore(MemoryBucket()), FakeServices()
    context = RunnerContext(CODEC, results, services.services(results), UnlimitedSlots(), PRICES)
    stage, event = get_stages(["labels"])[0], received(ready())
    assert isinstance(await Runner(stage, context).run(event), Done)
    limited = dataclasses.replace(context, budget=BudgetLimits(0.0001))
    assert isinstance(await Runner(stage, limited).run(event), Done)


async def test_free_stages_ignore_the_budget() -> None:
    results = ResultsStore(MemoryBucket())
    context = RunnerContext(
        CODEC, results, FakeServices().services(results), UnlimitedSlots(), PRICES, budget=BudgetLimits(0.0)
    )
    assert isinstance(await Runner(get_stages(["ready"])[0], context).run(received(ready())), Done)


async def test_results_that_only_a_newer_version_knows_count() -> None:
    services, bucket = FakeServices(), MemoryBucket()
    results, event = ResultsStore(bucket), ready()
    data = b'{"charges":[{"service":"x","operation":"y","units":1.0,"unit":"call","usd":0.5}],"more":1}'
    stored = b'{"cause":"c","event":"FromTheFuture","envelope":null,"data":' + data + b"}"
    await bucket.put(f"{version_folder(event.asset)}future@1.json", stored, "application/json")
    context = RunnerContext(
        CODEC, results, services.services(results), UnlimitedSlots(), PRICES, budget=BudgetLimits(0.4)
    )
    outcome = await Runner(get_stages(["labels"])[0], context).run(received(event))
    assert isinstance(outcome, Dead)
    assert outcome.code == "budget"
    assert "$0.5000 spent" in outcome.why
