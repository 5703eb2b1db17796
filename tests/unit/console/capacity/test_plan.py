"""The forecast of a pipeline: hand-computed cases, and what holds for all workloads."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.console.capacity.assumptions import Assumptions
from headrace.console.capacity.kafka_plan import KafkaPolicy
from headrace.console.capacity.measured import Measured, MediaCpu, S3Requests
from headrace.console.capacity.plan import CapacityPlan, PlanInputs, plan_capacity
from headrace.console.capacity.quota_plan import QuotaPlan
from headrace.console.capacity.worker_plan import WorkerPlan
from headrace.console.capacity.workload import FILE_KINDS, Workload, WorkloadKind
from headrace.streams import pipeline
from headrace.streams.costs.prices import read_price_list
from headrace.streams.pipeline import load_config
from headrace.streams.settings import StreamSettings
from headrace.streams.stage import Stage

ALL = str(Path(__file__).parents[4] / "sandbox" / "demo" / "all_stages.toml")
PRICES = read_price_list("us-east-1")
SETTINGS = StreamSettings(results_bucket="results")
POLICY, ASSUMED = KafkaPolicy(), Assumptions()
DAY = 86_400
ONE = S3Requests(list=1, get=2, put=3)
STAGES = ("thumbnails", "scan", "probe", "ready", "labels", "moderation", "transcript", "overdue", "completed")
SIMPLE = Measured(
    date="2026-01-01",
    machine="none",
    record_bytes={kind: {"media.uploaded": 500.0, "media.labelled": 1000.0} for kind in FILE_KINDS},
    s3={kind: dict.fromkeys(STAGES, ONE) for kind in FILE_KINDS},
    summary_bytes=600.0,
    summary_bytes_per_result=10.0,
    object_bytes=dict.fromkeys(FILE_KINDS, 2_000.0),
    media_cpu={
        "probe.image": MediaCpu(file=0.5),
        "probe.video": MediaCpu(file=0.1, minute=0.2, mb=0.01),
        "frames.video": MediaCpu(minute=1.0),
    },
    call_cpu_seconds=0.01,
    worker_mb=100.0,
    bridge_mb=50.0,
    bridge_messages_per_second=1_000.0,
    skipped_records_per_second=1e12,
)
"""Coefficients that are easy to compute with."""


def forecast(
    workload: Workload,
    path: str = "",
    measured: Measured = SIMPLE,
    configured: StreamSettings = SETTINGS,
    policy: KafkaPolicy = POLICY,
    has_daily_budget: bool = False,
    assumed: Assumptions = ASSUMED,
) -> CapacityPlan:
    inputs = PlanInputs(assumed, measured, PRICES, configured, policy, has_daily_budget)
    return plan_capacity(stages_of(path), workload, inputs)


@lru_cache(maxsize=4)
def stages_of(path: str) -> tuple[Stage, ...]:
    return pipeline.stages(load_config(path))


def images(per_second: float, peak: float = 1.0) -> Workload:
    return Workload(per_second * DAY, 1.0, 0.0, {"image": 1.0}, peak)


def videos(per_second: float, minutes: float, peak: float = 1.0) -> Workload:
    return Workload(per_second * DAY, 10.0, minutes, {"video": 1.0}, peak)


def worker(plan: CapacityPlan, stage: str) -> WorkerPlan:
    [found] = [each for each in plan.workers if each.stage == stage]
    return found


def quota(plan: CapacityPlan, name: str) -> QuotaPlan:
    [found] = [each for each in plan.quotas if each.name == name]
    return found


def test_cores_are_the_time_of_the_file_and_of_the_calls() -> None:
    plan = forecast(images(10, peak=2))
    probe, labels = worker(plan, "probe"), worker(plan, "labels")
    assert probe.records_per_second == pytest.approx(20)
    assert probe.cores == pytest.approx(20 * (0.5 + 6 * 0.01)), "half a second for the file, six S3 requests"
    assert labels.cores == pytest.approx(20 * 7 * 0.01), "six S3 requests and one of Rekognition"


def test_workers_are_the_cores_at_the_chosen_utilisation() -> None:
    probe = worker(forecast(images(10)), "probe")
    assert probe.bound_by == "CPU"
    assert probe.workers == 10, "5.6 cores at 60 %"
    assert probe.memory_mb == pytest.approx(10 * (100 + 67.108864))


def test_slow_calls_need_threads_by_littles_law() -> None:
    labels = worker(forecast(images(100), assumed=Assumptions(ai_seconds=4.0, s3_seconds=0.0)), "labels")
    assert labels.bound_by == "AWS threads"
    assert labels.workers == 21, "400 calls at a time, 32 threads each at 60 %"


def test_long_files_cost_their_minutes_and_megabytes() -> None:
    probe = worker(forecast(videos(1, minutes=5)), "probe")
    assert probe.cores == pytest.approx(0.1 + 5 * 0.2 + 10 * 0.01 + 6 * 0.01)


def test_topics_count_replicas_and_readers() -> None:
    plan = forecast(images(10), policy=KafkaPolicy(replicas=3, retention_days=2))
    [labelled] = [each for each in plan.topics if each.topic == "media.labelled"]
    assert labelled.consumers == 2, "completed, and the views"
    assert labelled.written_bytes_per_second == pytest.approx(10 * 1000 * 3)
    assert labelled.read_bytes_per_second == pytest.approx(10 * 1000 * (2 + 2)), "two readers and two other replicas"
    assert labelled.stored_bytes == pytest.approx(10 * 1000 * DAY * 2 * 3)


def test_summary_grows_with_the_results_that_it_names() -> None:
    [completed] = [each for each in forecast(images(10)).topics if each.topic == "media.completed"]
    assert completed.record_bytes == pytest.approx(600 + 6 * 10)


def test_each_topic_has_its_own_retention_without_an_option() -> None:
    [labelled] = [each for each in forecast(images(10)).topics if each.topic == "media.labelled"]
    assert labelled.retention_days == 30


def test_workers_of_jobs_follow_the_slots_and_those_of_paid_stages_the_spending() -> None:
    without, with_ = (forecast(videos(20, 1), has_daily_budget=each) for each in (False, True))
    jobs = sum(worker(without, stage).workers for stage in ("labels", "moderation", "transcript"))
    readers = [{each.topic: each.consumers for each in plan.topics} for plan in (without, with_)]
    assert readers[0]["system.slots"] == jobs + 1
    assert readers[1]["media.labelled"] == readers[0]["media.labelled"] + jobs
    assert readers[1]["media.scanned"] == readers[0]["media.scanned"]


def test_s3_requests_and_their_price() -> None:
    plan = forecast(images(10))
    deliveries = 1 + 1 + 1 + 2 + 1 + 1 + 6
    files = 10 * DAY
    assert plan.s3.requests["ListObjectsV2"] == pytest.approx(files * deliveries)
    assert plan.s3.requests["PutObject"] == pytest.approx(files * deliveries * 3)
    reads = deliveries - 6 + 6 * 6  # the summary reads a share of six results for each of its six records
    assert plan.s3.requests["GetObject"] == pytest.approx(files * reads * 2 + plan.s3.views_requests)
    assert plan.s3.requests_usd == pytest.approx(
        files * deliveries * 4 * 0.000005 + plan.s3.requests["GetObject"] * 0.0000004
    )
    assert plan.s3.stored_gb == pytest.approx(files * deliveries * 3 * 2_000 / 1e9)
    assert plan.s3.storage_usd_per_month == pytest.approx(plan.s3.stored_gb * 30 * 0.023)


def test_jobs_at_a_time_are_their_rate_times_their_length() -> None:
    plan = forecast(videos(1, minutes=2), assumed=Assumptions(job_seconds=10, job_seconds_per_minute=20))
    rekognition = quota(plan, "rekognition")
    assert rekognition.average == pytest.approx(2 * 50), "labels and moderation, 50 s each"
    assert (rekognition.quota, rekognition.request) == (20.0, 120)
    assert rekognition.days_of_work_per_day == pytest.approx(5)
    assert rekognition.backlog_days_per_day == pytest.approx(4)
    assert plan.exceeded[0] == rekognition


def test_quotas_are_those_of_the_settings() -> None:
    configured = StreamSettings(results_bucket="r", slots={"labels": 15}, rates={"rekognition.detect_labels": 7})
    plan = forecast(videos(1, 1), configured=configured)
    assert quota(plan, "labels").quota == 15
    assert quota(plan, "rekognition").quota == 5, "what labels leaves of the default"
    assert quota(forecast(images(1), configured=configured), "rekognition.detect_labels").quota == 7


def test_backlog_of_the_peak_hour_is_worked_off_later() -> None:
    labels = quota(forecast(images(40, peak=2)), "rekognition.detect_labels")
    assert labels.average == pytest.approx(40)
    assert labels.peak == pytest.approx(80)
    assert labels.quota == 50
    assert labels.backlog_days_per_day == 0
    assert labels.hours_to_catch_up == pytest.approx(3), "30/s too many for an hour, 10/s to spare after it"


def test_long_texts_take_several_calls() -> None:
    plan = forecast(Workload(DAY, 1, 60, {"audio": 1.0}, 1.0), ALL)
    characters = 60 * 130 * 6
    assert quota(plan, "translate.translate_text").average == pytest.approx(2 * -(-characters // 10_000)), (
        "and subtitles"
    )
    assert quota(plan, "comprehend.detect_entities").average == pytest.approx(1)


def test_sampled_frames_are_calls_instead_of_jobs(tmp_path: Path) -> None:
    file = tmp_path / "pipeline.toml"
    file.write_text('[stages.labels]\nsample = "scenes"\n')
    plan = forecast(videos(1, minutes=1), str(file))
    assert quota(plan, "rekognition.detect_labels").average == pytest.approx(20), "a frame each 3 s"
    assert worker(plan, "labels").cores == pytest.approx(1.0 + (6 + 22 + 20) * 0.01)


def test_partitions_leave_room_for_more_workers() -> None:
    plan = forecast(images(10))
    partitions = {each.topic: each for each in plan.partitions}
    assert partitions["media.uploaded"].partitions == 20, "ten workers of probe, twice"
    assert partitions["media.uploaded"].set_by == "workers of probe"
    assert partitions["media.completed"].partitions == 4


def test_nothing_of_a_kind_that_has_no_share() -> None:
    plan = forecast(images(1), ALL)
    assert not any(each.stage in ("transcript", "segments", "transcode") for each in plan.workers)


shares = st.fixed_dictionaries({kind: st.floats(0.01, 1) for kind in FILE_KINDS})
numbers = st.tuples(st.floats(1, 1e9), st.floats(0, 1e4), st.floats(0, 600), st.floats(1, 20))


def total(plan: CapacityPlan) -> dict[str, float]:
    """Return every need of a forecast by its name."""
    return {
        **{f"workers {each.stage}": each.workers for each in plan.workers},
        **{f"partitions {each.topic}": each.partitions for each in plan.partitions},
        **{f"stored {each.topic}": each.stored_bytes for each in plan.topics},
        **{f"read {each.topic}": each.read_bytes_per_second for each in plan.topics},
        **{f"quota {each.name} {each.unit}": each.peak for each in plan.quotas},
        "S3": plan.s3.requests_usd,
        "AI": plan.ai_usd,
    }


@settings(max_examples=25, deadline=None)
@given(numbers, shares, st.sampled_from(["assets_per_day", "minutes", "peak"]), st.floats(1, 10))
def test_more_never_needs_less(
    given_: tuple[float, float, float, float], mix: dict[WorkloadKind, float], what: str, factor: float
) -> None:
    """A larger size is left out: a stage skips a file that its service does not accept."""
    workload = Workload(given_[0], given_[1], given_[2], mix, given_[3])
    larger = replace(workload, **{what: getattr(workload, what) * factor})
    need, more = total(forecast(workload, ALL)), total(forecast(larger, ALL))
    assert need.keys() <= more.keys()
    assert all(more[name] >= value * (1 - 1e-9) for name, value in need.items())
