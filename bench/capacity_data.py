"""Write the coefficients of `headrace pipeline capacity` from `bench/results`: `python -m bench.capacity_data`."""

from __future__ import annotations

import json
import statistics
from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from bench.harness import report
from headrace.console.capacity.assumptions import Assumptions
from headrace.console.capacity.workload import FILE_KINDS, Workload, WorkloadKind
from headrace.console.pipeline.fan_out import FanOut, StageDelivery, StageFilters, fan_out
from headrace.sandbox.demo.run import ALL_STAGES
from headrace.schemas import topics
from headrace.streams import pipeline
from headrace.streams.stage import Stage

TARGET = Path(__file__).parents[1] / "console" / "capacity" / "measured.toml"
REQUESTS = {"ListObjectsV2": "list", "GetObject": "get", "PutObject": "put"}
GROWING = ("quality", "redact", "frames")
"""Stages whose CPU time grows with the length of the file, and not with the number of files."""


def read_results() -> dict[str, Any]:
    """Return the results of the benchmarks that have coefficients."""
    names = ("capacity", "pipeline", "bridge", "router")
    return {name: json.loads((report.RESULTS / f"{name}.json").read_text("utf-8")) for name in names}


def render(results: Mapping[str, Any]) -> str:
    """Return the text of the data file."""
    return "\n".join(_lines(results)) + "\n"


def _lines(results: Mapping[str, Any]) -> Iterator[str]:
    measured, machine = results["capacity"]["measured"], results["capacity"]["machine"]
    yield "# Written by `python -m bench.capacity_data` from bench/results; change nothing here."
    yield f"date = {json.dumps(measured['date'])}"
    yield f"machine = {json.dumps(', '.join((machine['cpu'], str(machine['cores']) + ' cores', machine['python'])))}"
    yield from _of_pipeline(results["pipeline"]["measured"])
    bridge = results["bridge"]["measured"]
    yield f"bridge_mb = {bridge['resident_mb_over_messages']['at_the_end']}"
    yield f"bridge_messages_per_second = {bridge['local_bridge_a_second']['median']:.0f}"
    skipped = results["router"]["measured"]["a rule that matches nothing"]["median"]
    yield f"skipped_records_per_second = {skipped:.0f}"
    sizes = [
        (len(_completing(kind)), measured["kinds"][kind]["topics"]["media.completed"]["bytes"]) for kind in FILE_KINDS
    ]
    of_result, of_none = statistics.linear_regression(*zip(*sizes, strict=True))
    yield f"summary_bytes = {of_none:.0f}"
    yield f"summary_bytes_per_result = {of_result:.1f}"
    yield "\n[object_bytes]"
    for kind in FILE_KINDS:
        stored = measured["kinds"][kind]["stored"]
        yield f"{kind} = {stored['bytes'] / stored['objects']:.0f}"
    for kind in FILE_KINDS:
        yield f"\n[record_bytes.{kind}]"
        yield from (f'"{name}" = {of["bytes"]:.0f}' for name, of in measured["kinds"][kind]["topics"].items())
    for kind in FILE_KINDS:
        yield f"\n[s3.{kind}]"
        yield from _requests(kind, measured["kinds"][kind]["calls"])
    yield "\n[media_cpu]"
    yield from _media_cpu(measured["cpu"])


def _of_pipeline(measured: Mapping[str, Any]) -> Iterator[str]:
    """Yield the CPU time of a call, and the memory of a worker. Each stage run makes one call of an AI service."""
    run = measured["runs"][-1]
    workers = [usage for name, usage in run["processes"].items() if name.startswith("worker")]
    milliseconds = sum(each["processor_ms_a_stage_run"] for each in workers)
    yield f"call_cpu_seconds = {milliseconds / 1000 / (1 + run['s3_calls_a_stage_run']):.5f}"
    yield f"worker_mb = {max(each['resident_mb'] for each in workers)}"


def _requests(kind: WorkloadKind, calls: Mapping[str, float]) -> Iterator[str]:
    """Yield the S3 requests of each stage, divided by the records that it processed for one file."""
    requests: defaultdict[str, dict[str, float]] = defaultdict(dict)
    for name, count in calls.items():
        stage, _, call = name.partition(" ")
        if call.startswith("S3."):
            requests[stage][REQUESTS[call.removeprefix("S3.")]] = count
    followed = _followed(kind)
    for each in _stages():
        if (deliveries := len(followed.of(each))) and each.name in requests:
            counts = requests[each.name]
            if each.writes == topics.COMPLETED:  # a record reads a share of all results: the number grows with both
                counts = {**counts, "get": counts["get"] / deliveries}
            text = ", ".join(f"{request} = {count / deliveries:.3g}" for request, count in counts.items())
            yield f"{each.name} = {{ {text} }}"


def _completing(kind: WorkloadKind) -> tuple[StageDelivery, ...]:
    """Return the results of a file that its summary names."""
    [completed] = [stage for stage in _stages() if stage.writes == topics.COMPLETED]
    return _followed(kind).of(completed)


def _followed(kind: WorkloadKind) -> FanOut:
    workload = Workload(1, 1, 0.25)
    return fan_out(StageFilters(_stages()), workload.media(kind), workload.words(kind, Assumptions()))


@lru_cache(maxsize=1)
def _stages() -> tuple[Stage, ...]:
    return pipeline.stages(pipeline.load_config(str(ALL_STAGES)))


def _media_cpu(cpu: Mapping[str, Any]) -> Iterator[str]:
    seconds, minutes = cpu["cpu_seconds"], cpu["seconds_of_media"] / 60
    for name, used in seconds.items():
        stage, _, kind = name.partition(" ")
        if kind == "large":
            continue
        if stage == "scan":
            mb = (seconds["scan large"] - seconds["scan document"]) / (cpu["large_bytes"] / 1e6)
            yield f'"{stage}.{kind}" = {{ file = {seconds["scan document"]:.4f}, mb = {mb:.6f} }}'
        elif stage in GROWING or name == "thumbnails audio":
            yield f'"{stage}.{kind}" = {{ minute = {used / minutes:.4f} }}'
        else:
            yield f'"{stage}.{kind}" = {{ file = {used:.4f} }}'


def main() -> None:
    """Write the data file."""
    TARGET.write_text(render(read_results()), "utf-8")
    print(TARGET)


if __name__ == "__main__":
    main()
