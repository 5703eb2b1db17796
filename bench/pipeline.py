"""How near is the pipeline to what its limits allow? `python -m bench.pipeline [--quick]`, or `make bench-pipeline`.

Real workers, eight stages with one AI call for each record, on a real broker. S3 and the AI services answer at once and
after 200 ms. The ideal is what the records in work at a time allow: each holds its slot for 200 ms and no longer.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import boto3
import psutil
import typer
from msgspec import structs

from bench import load, report
from bench.runner import kafka
from bench.servers import serving
from console.replay.cluster import Cluster
from sandbox.environment import AI_SERVICES
from sandbox.names import RESULTS_BUCKET
from schemas import codec, topics
from schemas import kafka as brokers
from schemas.message import message
from schemas.records import Event, MediaReady, MediaTranscribed, Pointer
from schemas.settings import KafkaSettings
from streams import pipeline
from tests.support.records import envelope

ASSETS = 2_000
ANSWER_SECONDS = 0.2
IN_FLIGHT, WORKERS = 4, 2
STAGES = ("labels", "moderation", "faces", "celebrities", "entities", "key-phrases", "pii", "sentiment")
SHARE, S3_CALLS = 0.85, 4.0
LOOK_SECONDS = 0.5
PIPELINE = "\n".join(f"[stages.{name}]\non = true" for name in STAGES)
TRANSCRIPT = json.dumps({"results": {"transcripts": [{"transcript": "Ada Lovelace wrote to London in 1843. " * 8}]}})


def main(
    repetitions: Annotated[int, typer.Option(help="How often it is measured.")] = 3,
    quick: Annotated[bool, typer.Option(help="A tenth of the assets, and nothing is kept.")] = False,
) -> None:
    """Measure, print, keep the result; exit code 1 when a target is missed."""
    assets = ASSETS // 10 if quick else ASSETS
    runs = [_run(assets) for _ in range(repetitions)]
    ideal = len(STAGES) * IN_FLIGHT / ANSWER_SECONDS
    rates = report.spread([each["runs_a_second"] for each in runs])
    calls = runs[-1]["calls"]
    s3 = sum(number for name, number in calls.items() if name.startswith("s3 ")) / (assets * len(STAGES))
    measured = {
        "assets": assets,
        "stage_runs": assets * len(STAGES),
        "ideal_a_second": ideal,
        "runs_a_second": asdict(rates),
        "share_of_ideal": round(rates.median / ideal, 3),
        "s3_calls_a_run": round(s3, 2),
        "calls": calls,
        "processes": runs[-1]["processes"],
    }
    print(json.dumps(measured, indent=2))
    if not quick:
        report.write(report.result("pipeline", measured, ("boto3", "faust-streaming", "confluent-kafka")))
    if measured["share_of_ideal"] < SHARE or s3 > S3_CALLS:
        raise SystemExit(f"missed: {measured['share_of_ideal']:.0%} of the ideal, {s3:.2f} calls of S3 a run")


def _run(assets: int) -> dict[str, Any]:
    """Have everything worked once, on a broker of its own."""
    with (
        tempfile.TemporaryDirectory(prefix="headrace-bench-") as folder,
        kafka() as settings,
        serving("bench.instant_cloud", str(ANSWER_SECONDS)) as endpoint,
    ):
        environment = _environment(Path(folder), settings, endpoint)
        os.environ.update(environment)
        names = [stage.name for stage in pipeline.stages()]
        brokers.create_topics(brokers.admin(settings), topics.table(names), 1)
        _fill(settings, assets)
        with ExitStack() as stack:
            workers = [stack.enter_context(_worker(part, Path(folder))) for part in _parts()]
            return _watch(settings, endpoint, assets, workers)


def _environment(folder: Path, settings: KafkaSettings, endpoint: str) -> dict[str, str]:
    chosen = folder / "pipeline.toml"
    chosen.write_text(PIPELINE)
    services = {f"AWS_ENDPOINT_URL_{service}": endpoint for service in ("S3", *AI_SERVICES)}
    return {
        **services,
        "AWS_ACCESS_KEY_ID": "bench",
        "AWS_SECRET_ACCESS_KEY": "bench",
        "AWS_DEFAULT_REGION": "us-east-1",
        "HEADRACE_BOOTSTRAP_SERVERS": settings.bootstrap_servers,
        "HEADRACE_RESULTS_BUCKET": RESULTS_BUCKET,
        "HEADRACE_IN_FLIGHT": str(IN_FLIGHT),
        "HEADRACE_PIPELINE": str(chosen),
    }


def _parts() -> list[tuple[str, ...]]:
    """Share the stages out: every worker has some of its own."""
    return [STAGES[number::WORKERS] for number in range(WORKERS)]


def _fill(settings: KafkaSettings, assets: int) -> None:
    """Put on the log that so many images are ready and so many texts are there."""
    s3: Any = boto3.client("s3")
    s3.put_object(Bucket=RESULTS_BUCKET, Key="_texts/one.json", Body=TRANSCRIPT.encode())
    text = Pointer(bucket=RESULTS_BUCKET, key="_texts/one.json", size=1, sha256="0" * 64, content_type="text/plain")
    producer, book = brokers.producer(settings), codec.load()
    for number in range(assets):
        image = load.upload(number, 0).asset
        sound = structs.replace(image, key=f"{image.key}.flac")
        events: tuple[Event, ...] = (
            MediaReady(asset=image, content_type="image/jpeg", sha256="0" * 64, kind="image", format="jpeg"),
            MediaTranscribed(asset=sound, language="en-US", excerpt="", words=48, result=text, charges=()),
        )
        for event in events:
            sent = message(event, envelope(event), book)
            headers: Any = list(sent.headers)
            producer.produce(sent.topic, sent.value, sent.key, headers=headers)
    if producer.flush(60):
        raise SystemExit("the broker does not take the records")


@contextmanager
def _worker(names: tuple[str, ...], folder: Path) -> Iterator[psutil.Process]:
    log = folder / f"{names[0]}.log"
    with log.open("wb") as out:
        command = [str(Path(sys.executable).with_name("headrace")), "worker", *names]
        process = subprocess.Popen(command, stdout=out, stderr=out)
    try:
        while b" ready " not in log.read_bytes():
            if process.poll() is not None:
                raise SystemExit(log.read_text()[-2000:])
            time.sleep(LOOK_SECONDS / 10)
        yield psutil.Process(process.pid)
    finally:
        process.kill()
        process.wait()


def _watch(settings: KafkaSettings, endpoint: str, assets: int, workers: list[psutil.Process]) -> dict[str, Any]:
    """Time from the first tenth of the calls to the last: starting is not what is measured."""
    log, runs = Cluster(settings), assets * len(STAGES)
    results = [stage.writes.name for stage in pipeline.find(list(STAGES)) if stage.writes]

    def done() -> int:
        return sum(span.high for span in log.spans(results).values())

    while (first := done()) < runs // 10:
        time.sleep(LOOK_SECONDS / 10)
    begun, before = time.monotonic(), [_seconds(each) for each in workers]
    while (last := done()) < runs * 9 // 10:
        time.sleep(LOOK_SECONDS / 10)
    took = time.monotonic() - begun
    processes = [
        {
            "stages": list(part),
            "processor_share": round((_seconds(each) - was) / took, 2),
            "resident_mb": round(each.memory_info().rss / 1e6),
        }
        for part, each, was in zip(_parts(), workers, before, strict=True)
    ]
    while done() < runs:
        time.sleep(LOOK_SECONDS)
    with urllib.request.urlopen(f"{endpoint}/counts") as answer:
        calls = json.load(answer)
    return {"runs_a_second": (last - first) / took, "calls": calls, "processes": processes}


def _seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


if __name__ == "__main__":
    typer.run(main)
