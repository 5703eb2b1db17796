"""Crash test of every AI service with every fault at once: `make chaos-ai`.

Files go through all stages while the AI endpoint throttles, fails before and after the effect, and loses, repeats and
delays completions. Every stage must succeed, and no token may have two jobs in the log of the AI endpoint.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench.harness import report
from headrace.connectors.aws.client import AwsSession
from headrace.console import aws
from headrace.console.app.main import end_on_sigterm
from headrace.console.assets.projection import AssetVersion
from headrace.console.assets.read_service import connect
from headrace.console.routing.stages import load_stages
from headrace.sandbox import names
from headrace.sandbox.access.control import call_control
from headrace.sandbox.cluster import cluster, contract, environment, processes
from headrace.sandbox.cluster.lifetime import end_children_with_me
from headrace.sandbox.demo import report as demo_report
from headrace.sandbox.demo import run as demo_run
from headrace.sandbox.demo import samples
from headrace.sandbox.demo.workspace import end, isolate_environment
from headrace.sandbox.names import MEDIA_BUCKET
from headrace.schemas.jobs import CONCURRENT_JOBS
from headrace.streams import pipeline

FAULTS: tuple[dict[str, Any], ...] = (
    {"operation": "*", "kind": "throttle", "share": 0.15},
    {"operation": "*", "kind": "error_500", "share": 0.1},
    {"operation": "*", "kind": "error_after_effect", "share": 0.05},
    {"operation": "*", "kind": "lost_completion", "share": 0.15},
    {"operation": "*", "kind": "duplicate_completion", "share": 0.15},
    {"operation": "*", "kind": "late_completion", "share": 0.1, "seconds": 5.0},
)
WITHOUT_TOKEN = ("polly",)
LOOKS = ("Get", "List", "Describe")
"""Prefixes of the operations that only read."""
FIRST_LOOK_SECONDS = 4


@dataclass(frozen=True, slots=True)
class Verdict:
    """The result of a run."""

    seed: int
    assets: int
    seconds: float
    calls: dict[str, int]
    jobs: int
    most_at_once: dict[str, int]
    """The number of concurrent jobs per service."""
    anomalies: list[str]


def run(assets: int, seed: int, limit: float) -> Verdict:
    """Process files in a separate sandbox and check the result."""
    isolate_environment()
    with tempfile.TemporaryDirectory(prefix="headrace-chaos-") as name:
        folder = Path(name)
        try:
            return _run(folder, assets, seed, limit)
        finally:
            end(folder, ())


def _run(folder: Path, assets: int, seed: int, limit: float) -> Verdict:
    state = cluster.up(folder)
    text = demo_run.ALL_STAGES.read_text("utf-8")
    (folder / environment.PIPELINE_FILE).write_text(
        f"{text}\n[stages.overdue]\nafter = {FIRST_LOOK_SECONDS}\n", "utf-8"
    )
    os.environ.update(environment.of(folder))
    (folder / names.FOLDER).mkdir()
    contract.apply_contract()
    parts = demo_run.start_pipeline(folder)
    endpoint = f"http://127.0.0.1:{state.parts['ai'].port}"
    for fault in FAULTS:
        _ask(f"{endpoint}/faults", fault)
    begun = time.monotonic()
    wanted = dict(_put(assets, random.Random(seed)))
    service = connect(load_stages())
    anomalies: list[str] = []
    ended: set[str] = set()
    for update in service.follow():
        for key in {name.removeprefix(f"{MEDIA_BUCKET}/") for name in update.changed} & wanted.keys():
            version = update.progress.newest_version(f"{MEDIA_BUCKET}/{key}")
            if version and version.state == "completed" and not demo_report.missing(wanted[key], version):
                ended.add(key)
        if len(ended) == len(wanted) or (time.monotonic() - begun > limit and update.caught_up):
            break
        anomalies += [f"the {part.name} ended" for part in parts if not processes.is_alive(part)]
        if anomalies:
            break
    for key, sample in wanted.items():
        version = update.progress.newest_version(f"{MEDIA_BUCKET}/{key}")
        anomalies += [f"{key}: {line}{_under_way(version)}" for line in demo_report.wrong(sample, version)]
    log = _ask(f"{endpoint}/ledger?limit=100000")
    most = _most_at_once(log)
    anomalies += [*_double(log), *_again(log)]
    anomalies += [
        f"{name}: {number} jobs at once, of {CONCURRENT_JOBS[name]}"
        for name, number in most.items()
        if number > CONCURRENT_JOBS[name]
    ]
    took = round(time.monotonic() - begun, 1)
    return Verdict(seed, assets, took, log["outcomes"], log["jobs_unique"], most, anomalies)


def _put(assets: int, draw: random.Random) -> Iterator[tuple[str, samples.SampleFile]]:
    """Upload random samples under new keys; yield each key with its sample."""
    good = [each for each in samples.samples(all_stages=True) if each.name != "bottles.mp4"]
    session = AwsSession()
    with tempfile.TemporaryDirectory(prefix="headrace-chaos-") as folder:
        for number in range(assets):
            sample = draw.choice(good)
            key = f"{number:04}/{sample.name}"
            path = Path(folder) / sample.name
            path.write_bytes(sample.content())
            aws.upload(session, path, MEDIA_BUCKET, key)
            yield key, sample


def _under_way(version: AssetVersion | None) -> str:
    """Describe the unfinished stages of a file."""
    events = version.stages.items() if version else ()
    return "".join(f"; {stage} {event.status} {event.summary}" for stage, event in events if event.status != "done")


def _double(log: dict[str, Any]) -> Iterator[str]:
    """Report tokens with two jobs, for services with tokens."""
    jobs = Counter((job["service"], job["operation"], job["token"]) for job in log["jobs"] if job["token"])
    for (service, operation, token), number in jobs.items():
        if number > 1 and service not in WITHOUT_TOKEN:
            yield f"{service} {operation}: {number} jobs under {token}"


def _again(log: dict[str, Any]) -> Iterator[str]:
    """Report calls that were repeated after a successful response."""
    good = (call for call in log["calls"] if call["outcome"] == "ok" and not call["operation"].startswith(LOOKS))
    calls = Counter((each["service"], each["operation"], each["asset"], each["token"]) for each in good)
    for (service, operation, asset, token), number in calls.items():
        if number > 1 and (asset or token):
            yield f"{service} {operation}: {number} successful calls for {asset or token}"


def _most_at_once(log: dict[str, Any]) -> dict[str, int]:
    """Return the maximum number of concurrent jobs per service."""
    most: dict[str, int] = {}
    steps = [
        (at, step, job["service"])
        for job in log["jobs"]
        for at, step in ((job["started_at"], 1), (job["finished_at"] or math.inf, -1))
    ]
    running: Counter[str] = Counter()
    for _, step, service in sorted(steps):
        running[service] += step
        most[service] = max(most.get(service, 0), running[service])
    return dict(sorted(most.items()))


def _ask(url: str, body: dict[str, Any] | None = None) -> Any:
    return call_control(url, "GET" if body is None else "POST", body)


def main() -> None:
    """Run, print and write the report; exit with 1 after an anomaly."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--assets", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--limit", type=float, default=900.0)
    options = parser.parse_args()
    end_on_sigterm()
    end_children_with_me()
    verdict = run(options.assets, options.seed, options.limit)
    sys.stdout.write(json.dumps(asdict(verdict), indent=2) + "\n")
    result = report.result("ai-chaos", {**asdict(verdict), "faults": FAULTS, "stages": len(pipeline.OPTIONAL_STAGES)})
    report.write(result)
    if verdict.anomalies:
        raise SystemExit(f"{len(verdict.anomalies)} anomalies")


if __name__ == "__main__":
    main()
