"""What a pipeline takes for a number of files a day: the whole forecast. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from headrace.console.capacity.assumptions import Assumptions
from headrace.console.capacity.demand import compute_demand
from headrace.console.capacity.kafka_plan import KafkaPolicy, TopicPlan, count_consumers, plan_topics
from headrace.console.capacity.measured import Measured
from headrace.console.capacity.quota_plan import QuotaPlan, plan_quotas
from headrace.console.capacity.s3_plan import S3Plan, plan_s3
from headrace.console.capacity.worker_plan import PartitionNeed, WorkerPlan, plan_partitions, plan_workers
from headrace.console.capacity.workload import Workload
from headrace.streams.costs.prices import PriceList
from headrace.streams.settings import StreamSettings
from headrace.streams.stage import Stage


@dataclass(frozen=True, slots=True)
class CapacityPlan:
    """A forecast. `ai_usd` are US dollars a day, without the `unpriced` records a day whose price is not known."""

    workload: Workload
    workers: tuple[WorkerPlan, ...]
    partitions: tuple[PartitionNeed, ...]
    topics: tuple[TopicPlan, ...]
    policy: KafkaPolicy
    s3: S3Plan
    quotas: tuple[QuotaPlan, ...]
    ai_usd: float
    unpriced: float

    @property
    def exceeded(self) -> tuple[QuotaPlan, ...]:
        """Return the quotas that the peak hour exceeds, the scarcest first."""
        return tuple(each for each in self.quotas if each.share > 1)


class PlanInputs(NamedTuple):
    """What a forecast is made from, beside the stages and the workload."""

    assumed: Assumptions
    measured: Measured
    prices: PriceList
    settings: StreamSettings
    policy: KafkaPolicy = KafkaPolicy()
    has_daily_budget: bool = False


def plan_capacity(stages: Sequence[Stage], workload: Workload, given: PlanInputs) -> CapacityPlan:
    """Forecast what a pipeline takes for a workload."""
    demand = compute_demand(stages, workload, given.assumed, given.measured, given.prices)
    workers = plan_workers(demand, workload, given.assumed, given.measured, given.settings)
    partitions = plan_partitions(demand, stages, workers, workload, given.assumed)
    numbers = {each.topic: each.partitions for each in partitions}
    count = {each.stage: each.workers for each in workers}
    consumers = count_consumers(stages, count, given.has_daily_budget)
    return CapacityPlan(
        workload,
        workers,
        partitions,
        plan_topics(demand, consumers, numbers, given.policy),
        given.policy,
        plan_s3(demand, given.prices),
        plan_quotas(demand, workload, given.assumed, given.settings, given.prices.region),
        sum(each.usd for each in demand.stages),
        sum(each.unpriced for each in demand.stages),
    )
