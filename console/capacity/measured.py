"""The measured coefficients of forecasts: `measured.toml`, which `python -m bench.capacity_data` writes."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import lru_cache
from importlib.resources import files

import msgspec

from headrace.console.capacity.workload import WorkloadKind


class S3Requests(msgspec.Struct, frozen=True):
    """Requests of each kind, for one record."""

    list: float = 0.0
    get: float = 0.0
    put: float = 0.0

    @property
    def total(self) -> float:
        """Return the number of all requests."""
        return self.list + self.get + self.put


class MediaCpu(msgspec.Struct, frozen=True):
    """CPU seconds of a stage that reads a file: for the file, for a minute of its length, and for a MB of its size."""

    file: float = 0.0
    minute: float = 0.0
    mb: float = 0.0


class Measured(msgspec.Struct, frozen=True):
    """The coefficients.

    `record_bytes` are those of a record without compression, by kind of file and topic. `s3` has the requests of a
    stage for one record that it processes, by kind of file; the reads of `completed` are also for one result.
    The record that completes an asset has `summary_bytes`, and `summary_bytes_per_result` for each result that it
    names. `media_cpu` is by `<stage>.<kind>`. `call_cpu_seconds` are those of a worker for one AWS call, with decoding,
    storing and sending.
    """

    date: str
    machine: str
    record_bytes: Mapping[WorkloadKind, dict[str, float]]
    s3: Mapping[WorkloadKind, Mapping[str, S3Requests]]
    summary_bytes: float
    summary_bytes_per_result: float
    object_bytes: Mapping[WorkloadKind, float]
    media_cpu: Mapping[str, MediaCpu]
    call_cpu_seconds: float
    worker_mb: float
    bridge_mb: float
    bridge_messages_per_second: float
    skipped_records_per_second: float


SOURCES: Mapping[str, str] = {
    "record_bytes": "bench/results/capacity.json",
    "s3": "bench/results/capacity.json",
    "summary_bytes": "bench/results/capacity.json",
    "summary_bytes_per_result": "bench/results/capacity.json",
    "object_bytes": "bench/results/capacity.json",
    "media_cpu": "bench/results/capacity.json",
    "call_cpu_seconds": "bench/results/pipeline.json",
    "worker_mb": "bench/results/pipeline.json",
    "bridge_mb": "bench/results/bridge.json",
    "bridge_messages_per_second": "bench/results/bridge.json",
    "skipped_records_per_second": "bench/results/router.json",
}
"""The result file of each coefficient."""


@lru_cache(maxsize=1)
def read_measured() -> Measured:
    """Return the coefficients of this version."""
    text = files("headrace.console.capacity").joinpath("measured.toml").read_text("utf-8")
    return msgspec.convert(tomllib.loads(text), Measured)
