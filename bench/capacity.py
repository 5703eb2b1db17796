"""Measure what each stage uses for one file of each kind: `python -m bench.capacity`, or `make bench-capacity`.

A sandbox runs every stage over some files of one kind after the other: records and bytes by topic, AWS calls by stage,
bytes in the results bucket. Then the stages that read files locally run without Kafka, for their CPU time. These are
the coefficients of `headrace pipeline capacity`; `python -m bench.capacity_data` writes them to its data file.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import boto3
import typer

from bench.harness import media_cpu, report
from bench.harness.servers import running
from headrace.console.assets.read_service import ReadService, connect
from headrace.console.kafka.log_reader import LogReader
from headrace.console.routing.stages import load_stages
from headrace.sandbox.cluster import cluster
from headrace.sandbox.cluster.contract import apply_contract
from headrace.sandbox.demo.run import ALL_STAGES
from headrace.sandbox.demo.samples import letter
from headrace.sandbox.names import MEDIA_BUCKET, RESULTS_BUCKET
from headrace.schemas import topics
from headrace.schemas.kafka.settings import KafkaSettings
from headrace.schemas.settings import load
from tests.support.otlp_receiver import otlp_receiver
from tests.support.pipeline_usage import calls_by_stage, ends, is_idle, topic_usage

MEDIA = Path(__file__).parents[1] / "sandbox" / "media"
FILES = 6
OVERDUE_SECONDS = 60.0
LIMIT_SECONDS, POLL_SECONDS, SPAN_SECONDS = 900.0, 1.0, 3.0

CONTENTS: dict[str, tuple[str, Callable[[], bytes]]] = {
    "image": ("jpg", (MEDIA / "bottles.jpg").read_bytes),
    "video": ("mp4", (MEDIA / "rabbit.mp4").read_bytes),
    "audio": ("flac", (MEDIA / "jfk.flac").read_bytes),
    "document": ("pdf", letter),
}
"""The suffix and the content of the files of each kind."""


def main(files: Annotated[int, typer.Option(help="How many files of each kind.")] = FILES) -> None:
    """Measure, print and write the result."""
    with (
        running(cluster.ALL),
        tempfile.TemporaryDirectory(prefix="headrace-bench-") as folder,
        otlp_receiver() as traces,
    ):
        os.environ |= _environment(Path(folder), traces.url)
        apply_contract()
        stages = load_stages()
        log, service = LogReader(load(KafkaSettings)), connect(stages)
        table = [topic.name for topic in topics.table(stage.name for stage in stages)]
        measured: dict[str, Any] = {"files": files, "date": f"{datetime.now(UTC):%Y-%m-%d}", "kinds": {}}
        with _headrace(Path(folder), "bridge"), _headrace(Path(folder), "worker", "--all"):
            for kind in CONTENTS:
                begin, calls = ends(log, table), calls_by_stage(traces.spans())
                stored = _stored()
                _upload(kind, files)
                _wait(service, log, kind, files)
                time.sleep(SPAN_SECONDS)
                usage, called = topic_usage(log, begin), calls_by_stage(traces.spans())
                called.subtract(calls)
                objects, size = (now - before for now, before in zip(_stored(), stored, strict=True))
                measured["kinds"][kind] = {
                    "topics": {
                        name: {"records": count / files, "bytes": round(usage.size[name] / count, 1)}
                        for name, count in sorted(usage.records.items())
                    },
                    "calls": {
                        f"{stage} {name}": round(count / files, 3)
                        for (stage, name), count in sorted(called.items())
                        if count
                    },
                    "stored": {"objects": objects / files, "bytes": round(size / files)},
                }
                print(kind, json.dumps(measured["kinds"][kind], indent=1), flush=True)
    measured["cpu"] = media_cpu.measure()
    print(json.dumps(measured["cpu"], indent=1))
    print(report.write(report.result("capacity", measured, ("faust-streaming", "confluent-kafka", "av"))))


def _environment(folder: Path, url: str) -> dict[str, str]:
    pipeline = folder / "pipeline.toml"
    pipeline.write_text(f"{ALL_STAGES.read_text()}\n[stages.overdue]\nafter = {OVERDUE_SECONDS}\n")
    return {
        "HEADRACE_PIPELINE": str(pipeline),
        "OTEL_EXPORTER_OTLP_ENDPOINT": url,
        "OTEL_BSP_SCHEDULE_DELAY": "200",
        "HEADRACE_SESSION_SECONDS": "60",  # a busy machine must not cause redeliveries
    }


def _upload(kind: str, files: int) -> None:
    """Upload files with different contents, so that no result is reused."""
    suffix, content = CONTENTS[kind]
    s3 = boto3.client("s3")
    for number in range(files):
        s3.put_object(
            Bucket=MEDIA_BUCKET, Key=f"capacity/{kind}-{number:03}.{suffix}", Body=content() + bytes([number])
        )


def _stored() -> tuple[int, int]:
    """Return the number of objects in the results bucket, and their bytes."""
    pages = boto3.client("s3").get_paginator("list_objects_v2").paginate(Bucket=RESULTS_BUCKET)
    sizes = [each["Size"] for page in pages for each in page.get("Contents", ())]
    return len(sizes), sum(sizes)


def _wait(service: ReadService, log: LogReader, kind: str, files: int) -> None:
    """Wait until every file of a kind is completed and no record is left. Exits after the limit."""
    limit = time.monotonic() + LIMIT_SECONDS
    prefix = f"{MEDIA_BUCKET}/capacity/{kind}-".encode()
    while True:
        done = {
            entry.key for entry in log.read([topics.COMPLETED.name], lambda key: key.startswith(prefix)) if entry.event
        }
        if len(done) >= files and is_idle(service):
            return
        if time.monotonic() > limit:
            raise SystemExit(f"{len(done)} of {files} files of {kind} are completed after {LIMIT_SECONDS:g} s")
        time.sleep(POLL_SECONDS)


@contextmanager
def _headrace(folder: Path, *arguments: str) -> Iterator[None]:
    log = folder / f"{arguments[0]}.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [str(Path(sys.executable).with_name("headrace")), *arguments], stdout=out, stderr=out
        )
    try:
        while b"ready" not in log.read_bytes():
            if process.poll() is not None:
                raise SystemExit(log.read_text()[-2000:])
            time.sleep(POLL_SECONDS)
        yield
    finally:
        process.terminate()
        process.wait()


if __name__ == "__main__":
    typer.run(main)
