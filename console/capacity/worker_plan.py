"""How many workers each stage needs in the peak hour, and how many partitions its topics. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from headrace.console.capacity.assumptions import Assumptions
from headrace.console.capacity.demand import Demand, StageDemand
from headrace.console.capacity.measured import Measured
from headrace.console.capacity.workload import DAY_SECONDS, MB, Workload
from headrace.schemas import topics as topic_table
from headrace.schemas.topics import PARTITIONS, Topic
from headrace.streams.settings import StreamSettings
from headrace.streams.stage import Stage

BRIDGE = "bridge"


@dataclass(frozen=True, slots=True)
class WorkerPlan:
    """The workers of one stage in the peak hour, if each hosts one stage.

    `bound_by` is what sets their number. Memory is for all of them, the disk for the files that they read at a time.
    """

    stage: str
    records_per_second: float
    cores: float
    workers: int
    memory_mb: float
    disk_mb: float
    bound_by: str


@dataclass(frozen=True, slots=True)
class PartitionNeed:
    """The partitions of a topic, and what sets their number."""

    topic: str
    partitions: int
    set_by: str


def plan_workers(
    demand: Demand, workload: Workload, assumed: Assumptions, measured: Measured, settings: StreamSettings
) -> tuple[WorkerPlan, ...]:
    """Plan the workers of each stage that has records, and the processes of the bridge."""
    stages = (each for each in demand.stages if each.records)
    planned = (_of_stage(each, demand, workload, assumed, measured, settings) for each in stages)
    return (_bridge(demand, workload, assumed, measured), *planned)


def plan_partitions(
    demand: Demand, stages: Sequence[Stage], workers: Sequence[WorkerPlan], workload: Workload, assumed: Assumptions
) -> tuple[PartitionNeed, ...]:
    """Plan the partitions of each topic with records: enough for the workers that read it, and for its traffic."""
    count = {each.stage: each.workers for each in workers}
    return tuple(
        _partitions(topic, demand.topics[topic.name].size, stages, count, workload.peak, assumed)
        for topic in topic_table.table(stage.name for stage in stages)
        if topic.name in demand.topics
    )


def _of_stage(
    of: StageDemand,
    demand: Demand,
    workload: Workload,
    assumed: Assumptions,
    measured: Measured,
    settings: StreamSettings,
) -> WorkerPlan:
    peak = workload.peak / DAY_SECONDS
    read = sum(demand.topics[topic.name].records for topic in of.stage.inputs if topic.name in demand.topics)
    cores = peak * (of.cpu_seconds + max(0.0, read - of.records) / measured.skipped_records_per_second)
    in_calls = peak * (of.s3_requests * assumed.s3_seconds + of.ai_calls * assumed.ai_seconds)
    in_flight = in_calls + peak * (of.cpu_seconds + of.downloaded_mb / assumed.download_mb_per_second)
    needs = {
        "CPU": cores,
        "AWS threads": in_calls / settings.aws_threads,
        "records in flight": in_flight / settings.in_flight,
    }
    bound_by = max(needs, key=lambda name: needs[name])
    workers = max(1, math.ceil(needs[bound_by] / assumed.utilisation))
    files = min(in_flight / assumed.utilisation, workers * settings.in_flight) if of.downloaded_mb else 0.0
    memory = workers * (measured.worker_mb + settings.buffer_bytes / MB)
    disk = max(1.0, files) * workload.size_mb if of.downloaded_mb else 0.0
    return WorkerPlan(of.stage.name, peak * of.records, cores, workers, memory, disk, bound_by)


def _bridge(demand: Demand, workload: Workload, assumed: Assumptions, measured: Measured) -> WorkerPlan:
    written = (topic_table.UPLOADED.name, topic_table.JOBS_FINISHED.name)
    rate = workload.peak / DAY_SECONDS * sum(demand.topics[name].records for name in written if name in demand.topics)
    cores = rate / measured.bridge_messages_per_second
    workers = max(1, math.ceil(cores / assumed.utilisation))
    return WorkerPlan(BRIDGE, rate, cores, workers, workers * measured.bridge_mb, 0.0, "CPU")


def _partitions(
    topic: Topic, size: float, stages: Sequence[Stage], workers: Mapping[str, int], peak: float, assumed: Assumptions
) -> PartitionNeed:
    if topic.partitions == 1:
        return PartitionNeed(topic.name, 1, "its records are in one order")
    needs = {
        f"workers of {stage.name}": math.ceil(workers.get(stage.name, 0) * assumed.partition_headroom)
        for stage in stages
        if topic in stage.inputs
    }
    needs["traffic"] = math.ceil(size * peak / DAY_SECONDS / (assumed.partition_mb_per_second * MB))
    largest = max(needs, key=lambda name: needs[name])
    if needs[largest] <= PARTITIONS:
        return PartitionNeed(topic.name, PARTITIONS, "default")
    return PartitionNeed(topic.name, needs[largest], largest)
