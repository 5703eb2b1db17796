"""The forecast of one file of each kind beside the measured run of every stage in `bench/results/capacity.json`."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from headrace.console.capacity.assumptions import Assumptions
from headrace.console.capacity.calls import ai_calls
from headrace.console.capacity.demand import compute_demand
from headrace.console.capacity.measured import read_measured
from headrace.console.capacity.workload import FILE_KINDS, Workload, WorkloadKind
from headrace.console.pipeline.fan_out import FanOut, StageFilters, fan_out
from headrace.streams import pipeline
from headrace.streams.costs.prices import operation_of, read_price_list
from headrace.streams.pipeline import load_config

ROOT = Path(__file__).parents[4]
STAGES = pipeline.stages(load_config(str(ROOT / "sandbox" / "demo" / "all_stages.toml")))
MINUTES = 0.15
BY_CONTENT = {"face-search SearchFaces", "embedding InvokeModel"}
"""Calls whose number depends on the faces and the sentences of a file."""


def measured(kind: WorkloadKind) -> dict[str, Any]:
    results = json.loads((ROOT / "bench" / "results" / "capacity.json").read_text("utf-8"))
    found: dict[str, Any] = results["measured"]["kinds"][kind]
    return found


def workload(kind: WorkloadKind) -> Workload:
    return Workload(1, 1.0, MINUTES, {kind: 1.0}, 1.0)


def followed(kind: WorkloadKind) -> FanOut:
    of = workload(kind)
    return fan_out(StageFilters(STAGES), of.media(kind), of.words(kind, Assumptions()))


@pytest.mark.parametrize("kind", FILE_KINDS)
def test_records_of_each_topic_are_those_of_the_run(kind: WorkloadKind) -> None:
    """A redelivery repeats a record in some files of the run; looks at late jobs depend on the length of the run."""
    run = {name: round(topic["records"]) for name, topic in measured(kind)["topics"].items()}
    ours, left_out = dict(followed(kind).records), ("overdue.retry", "system.slots")
    assert {name: ours[name] for name in ours if name not in left_out} == {
        name: count for name, count in run.items() if name not in left_out
    }


@pytest.mark.parametrize("kind", FILE_KINDS)
def test_calls_of_each_stage_are_those_of_the_run(kind: WorkloadKind) -> None:
    run = {}
    for call, count in measured(kind)["calls"].items():
        stage, _, name = call.partition(" ")
        if not name.startswith("S3.") and stage != "overdue" and round(count):
            run[f"{stage} {name.partition('.')[2]}"] = round(count)
    ours: Counter[str] = Counter()
    for delivery in followed(kind).deliveries:
        for name, count in ai_calls(delivery).items():
            ours[f"{delivery.stage.name} {operation_of(name.partition('.')[2])}"] += count
    assert {name: count for name, count in ours.items() if name not in BY_CONTENT} == {
        name: count for name, count in run.items() if name not in BY_CONTENT
    }


@pytest.mark.parametrize("kind", FILE_KINDS)
def test_bytes_and_requests_are_within_a_fifth_of_the_run(kind: WorkloadKind) -> None:
    demand = compute_demand(STAGES, workload(kind), Assumptions(), read_measured(), read_price_list("us-east-1"))
    run = measured(kind)
    size = sum(topic["records"] * topic["bytes"] for topic in run["topics"].values())
    assert sum(topic.size for topic in demand.topics.values()) == pytest.approx(size, rel=0.2)
    for operation, name in (("ListObjectsV2", "list"), ("GetObject", "get"), ("PutObject", "put")):
        requests = sum(count for call, count in run["calls"].items() if call.endswith(f" S3.{operation}"))
        assert sum(stage.s3[name] for stage in demand.stages) == pytest.approx(requests, rel=0.2), operation
