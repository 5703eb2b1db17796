"""Measure how well the pipeline uses its quotas: `python -m bench.pipeline [--quick]`, or `make bench-pipeline`.

Two workers run all eight stages on a real broker; S3 has no latency, and the AI services respond after 200 ms. Each
stage makes one AI call per record. HEADRACE_RATES sets the quota of each operation; all other settings are defaults.
Ideally the quotas are used up from the first record to the last result.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import psutil
import typer
from msgspec import structs

from bench import stage_overhead
from bench.harness import load, report
from bench.harness.servers import broker_of, running, serving
from bench.harness.usage import Usage
from headrace.console.kafka.admin import KafkaAdmin
from headrace.sandbox.cluster.environment import AI_SERVICES
from headrace.sandbox.names import RESULTS_BUCKET
from headrace.schemas import topics
from headrace.schemas.kafka import clients as brokers
from headrace.schemas.kafka.settings import KafkaSettings
from headrace.schemas.records import Event, MediaReady, MediaTranscribed, Pointer
from headrace.schemas.serde import codec
from headrace.schemas.serde.codec import to_producer_record
from headrace.streams import pipeline
from tests.support.records import envelope

ASSETS = 2_000
ANSWER_SECONDS = 0.2
RATE = 10.0
WORKERS = 2
STAGES = {
    "labels": "rekognition.detect_labels",
    "moderation": "rekognition.detect_moderation_labels",
    "faces": "rekognition.detect_faces",
    "celebrities": "rekognition.recognize_celebrities",
    "entities": "comprehend.detect_entities",
    "key-phrases": "comprehend.detect_key_phrases",
    "pii": "comprehend.detect_pii_entities",
    "sentiment": "comprehend.detect_sentiment",
}
"""Each stage and its AI operation."""
SHARE, S3_CALLS = 0.85, 4.0
POLL_SECONDS, REPORT_SECONDS = 0.25, 10.0
PIPELINE = "\n".join(f"[stages.{name}]\non = true" for name in STAGES)
TRANSCRIPT = {"results": {"transcripts": [{"transcript": "Ada Lovelace wrote to London in 1843. " * 8}]}}


def main(
    repetitions: Annotated[int, typer.Option(help="How often it is measured.")] = 2,
    assets: Annotated[int, typer.Option(help="How many assets go through all stages.")] = ASSETS,
    rate: Annotated[float, typer.Option(help="Calls a second that the account allows of each operation.")] = RATE,
    quick: Annotated[bool, typer.Option(help="A tenth of the assets, once, and nothing is kept.")] = False,
) -> None:
    """Measure, print and write the result. Exit code 1 if a target is missed."""
    assets, repetitions = (assets // 10, 1) if quick else (assets, repetitions)
    runs = [_run(assets, rate) for _ in range(repetitions)]
    shares = [each["share_of_ideal"] for each in runs]
    measured = {
        "assets": assets,
        "stage_runs": assets * len(STAGES),
        "answer_ms": ANSWER_SECONDS * 1000,
        "calls_a_second_allowed_of_each_operation": rate,
        "ideal_seconds": assets / rate,
        "share_of_ideal": asdict(report.spread(shares)) if len(shares) > 1 else shares[0],
        "runs": runs,
    }
    print(json.dumps(measured, indent=2))
    if not quick:
        report.write(report.result("pipeline", measured, ("boto3", "faust-streaming", "confluent-kafka")))
    share, s3 = sorted(shares)[len(shares) // 2], runs[-1]["s3_calls_a_stage_run"]
    if share < SHARE or s3 > S3_CALLS:
        raise SystemExit(f"missed: {share:.0%} of the ideal, {s3:.2f} calls of S3 a stage run")


def _run(assets: int, rate: float) -> dict[str, Any]:
    """Process every record once, on a broker of its own."""
    with (
        tempfile.TemporaryDirectory(prefix="headrace-bench-") as name,
        running(("kafka",)) as state,
        serving("bench.harness.fake_aws", str(ANSWER_SECONDS)) as endpoint,
        ExitStack() as stack,
    ):
        folder, settings, broker = Path(name), broker_of(state), psutil.Process(state.parts["kafka"].pid)
        os.environ.update(_environment(folder, settings, endpoint, rate))
        names = [stage.name for stage in pipeline.stages()]
        brokers.create_topics(brokers.admin(settings), topics.table(names), 1)
        _store_texts(endpoint, assets)
        workers = [stack.enter_context(_worker(folder / f"worker-{number}.log")) for number in range(WORKERS)]
        processes = {"broker": broker, "endpoint": _endpoint()}
        processes |= {f"worker {number + 1}": each for number, each in enumerate(workers)}
        before, usage, begun = _counts(endpoint), Usage(processes), time.monotonic()
        _fill(settings, assets)
        ended = _watch(settings, assets, limit=60 + 3 * assets / rate)
        took = time.monotonic() - begun
        return {
            **_rates(assets, took, rate, _counts(endpoint), before),
            "seconds_of_each_stage": ended,
            "processes": usage.since(took, assets * len(STAGES)),
            "bookkeeping_of_one": stage_overhead.measure(settings),
        }


def _rates(assets: int, took: float, rate: float, calls: dict[str, int], before: dict[str, int]) -> dict[str, Any]:
    calls = {name: number - before.get(name, 0) for name, number in sorted(calls.items())}
    of_s3 = sum(number for name, number in calls.items() if name.startswith("s3 "))
    runs = assets * len(STAGES)
    return {
        "seconds": round(took, 1),
        "share_of_ideal": round(assets / rate / took, 3),
        "events_a_second": round(runs / took, 1),
        "calls_a_second": round(sum(calls.values()) / took, 1),
        "s3_calls_a_stage_run": round(of_s3 / runs, 2),
        "calls": calls,
    }


def _environment(folder: Path, settings: KafkaSettings, endpoint: str, rate: float) -> dict[str, str]:
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
        "HEADRACE_PIPELINE": str(chosen),
        "HEADRACE_RATES": ",".join(f"{call}={rate:g}" for call in STAGES.values()),
    }


def _store_texts(endpoint: str, assets: int) -> None:
    body = json.dumps(TRANSCRIPT).encode()
    for number in range(assets):
        request = urllib.request.Request(f"{endpoint}/{RESULTS_BUCKET}/{_text(number)}", body, method="PUT")
        urllib.request.urlopen(request).close()


def _text(number: int) -> str:
    return f"_texts/{number}.json"


def _fill(settings: KafkaSettings, assets: int) -> None:
    """Produce `assets` image and transcript events."""
    producer, encoder = brokers.producer(settings), codec.load()
    for number in range(assets):
        text = Pointer(
            bucket=RESULTS_BUCKET, key=_text(number), size=1, sha256="0" * 64, content_type="application/json"
        )
        image = load.upload(number, 0).asset
        sound = structs.replace(image, key=f"{image.key}.flac")
        events: tuple[Event, ...] = (
            MediaReady(asset=image, content_type="image/jpeg", sha256="0" * 64, kind="image", format="jpeg"),
            MediaTranscribed(asset=sound, language="en-US", excerpt="", words=48, result=text, charges=()),
        )
        for event in events:
            sent = to_producer_record(event, envelope(event), encoder)
            headers: Any = list(sent.headers)
            producer.produce(sent.topic, sent.value, sent.key, headers=headers)
    if producer.flush(60):
        raise SystemExit("the broker did not accept the records")


@contextmanager
def _worker(log: Path) -> Iterator[psutil.Process]:
    with log.open("wb") as out:
        command = [str(Path(sys.executable).with_name("headrace")), "worker", *STAGES]
        process = subprocess.Popen(command, stdout=out, stderr=out)
    try:
        while b" ready " not in log.read_bytes():
            if process.poll() is not None:
                raise SystemExit(log.read_text()[-2000:])
            time.sleep(POLL_SECONDS)
        yield psutil.Process(process.pid)
    finally:
        process.kill()
        process.wait()


def _endpoint() -> psutil.Process:
    return next(each for each in psutil.Process().children() if "bench.harness.fake_aws" in each.cmdline())


def _watch(settings: KafkaSettings, assets: int, limit: float) -> dict[str, float]:
    """Wait for the last result and print progress; return each stage's seconds to its last result.

    Exits after `limit` seconds.
    """
    log, ended = KafkaAdmin(settings), dict[str, float]()
    stages = {
        stage.name: stage.writes.name for stage in pipeline.get_stages(list(STAGES), pipeline.stages()) if stage.writes
    }
    begun = reported = time.monotonic()
    while len(ended) < len(stages):
        done, now = Counter[str](), time.monotonic()
        for (topic, _), span in log.spans(list(stages.values())).items():
            done[topic] += span.high
        for name, topic in stages.items():
            if done[topic] >= assets:
                ended.setdefault(name, round(now - begun, 1))
        progress = f"{done.total():,} of {assets * len(stages):,} stage runs"
        if now - begun > limit:
            raise SystemExit(f"{progress} done at the limit of {limit:.0f} s")
        if now - reported > REPORT_SECONDS:
            reported = now
            print(f"{now - begun:4.0f} s: {progress}", file=sys.stderr, flush=True)
        time.sleep(POLL_SECONDS)
    return ended


def _counts(endpoint: str) -> dict[str, int]:
    with urllib.request.urlopen(f"{endpoint}/counts") as answer:
        found: dict[str, int] = json.load(answer)
    return found


if __name__ == "__main__":
    typer.run(main)
