"""Every AI service with every fault at once: `make chaos-ai`. What came of it is counted in the services' own book.

Files go through all stages while the AI endpoint throttles, fails before and after the effect, loses completions, tells
them twice, and tells them late. Everything must end well, and under no token may there be two jobs.
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
import urllib.request
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench.harness import report
from headrace.console import aws
from headrace.console.app.main import end_on_sigterm
from headrace.console.assets.projection import AssetVersion
from headrace.console.assets.read_service import connect
from headrace.console.routing.stages import load_stages
from headrace.sandbox import names
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
"""How operations begin that only look, page by page."""
FIRST_LOOK_SECONDS = 4


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of a run. `anomalies` is empty when everything held."""

    seed: int
    assets: int
    seconds: float
    calls: dict[str, int]
    jobs: int
    most_at_once: dict[str, int]
    """The number of concurrent jobs per service."""
    anomalies: list[str]


def run(assets: int, seed: int, limit: float) -> Verdict:
    """Process files in a sandbox of its own, and check the result."""
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
    book = _ask(f"{endpoint}/ledger?limit=100000")
    most = _most_at_once(book)
    anomalies += [*_double(book), *_again(book)]
    anomalies += [
        f"{name}: {number} jobs at once, of {CONCURRENT_JOBS[name]}"
        for name, number in most.items()
        if number > CONCURRENT_JOBS[name]
    ]
    took = round(time.monotonic() - begun, 1)
    return Verdict(seed, assets, took, book["outcomes"], book["jobs_unique"], most, anomalies)


def _put(assets: int, draw: random.Random) -> Iterator[tuple[str, samples.SampleFile]]:
    """Put files under new names, in an order of chance, and give what has to become of each."""
    good = [each for each in samples.samples(all_stages=True) if each.name != "bottles.mp4"]
    with tempfile.TemporaryDirectory(prefix="headrace-chaos-") as folder:
        for number in range(assets):
            sample = draw.choice(good)
            key = f"{number:04}/{sample.name}"
            path = Path(folder) / sample.name
            path.write_bytes(sample.content())
            aws.upload(path, MEDIA_BUCKET, key)
            yield key, sample


def _under_way(version: AssetVersion | None) -> str:
    """Say of which stages of a file there is something to say but a result."""
    facts = version.stages.items() if version else ()
    return "".join(f"; {stage} {fact.status} {fact.why}" for stage, fact in facts if fact.status != "done")


def _double(book: dict[str, Any]) -> Iterator[str]:
    """Name tokens with two jobs, at services that have tokens."""
    jobs = Counter((job["service"], job["operation"], job["token"]) for job in book["jobs"] if job["token"])
    for (service, operation, token), number in jobs.items():
        if number > 1 and service not in WITHOUT_TOKEN:
            yield f"{service} {operation}: {number} jobs under {token}"


def _again(book: dict[str, Any]) -> Iterator[str]:
    """Name what was asked for again after its answer had come, and so had been stored."""
    good = (call for call in book["calls"] if call["outcome"] == "ok" and not call["operation"].startswith(LOOKS))
    calls = Counter((each["service"], each["operation"], each["asset"], each["token"]) for each in good)
    for (service, operation, asset, token), number in calls.items():
        if number > 1 and (asset or token):
            yield f"{service} {operation}: answered {number} times for {asset or token}"


def _most_at_once(book: dict[str, Any]) -> dict[str, int]:
    """Return the maximum number of concurrent jobs per service."""
    found: dict[str, int] = {}
    steps = [
        (moment, step, job["service"])
        for job in book["jobs"]
        for moment, step in ((job["started_at"], 1), (job["finished_at"] or math.inf, -1))
    ]
    at_work: Counter[str] = Counter()
    for _, step, service in sorted(steps):
        at_work[service] += step
        found[service] = max(found.get(service, 0), at_work[service])
    return dict(sorted(found.items()))


def _ask(url: str, body: dict[str, Any] | None = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(url, data, timeout=30) as answer:
        return json.load(answer)


def main() -> None:
    """Run, print and keep the verdict; exit with 1 when something did not hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--assets", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--limit", type=float, default=900.0)
    given = parser.parse_args()
    end_on_sigterm()
    end_children_with_me()
    verdict = run(given.assets, given.seed, given.limit)
    sys.stdout.write(json.dumps(asdict(verdict), indent=2) + "\n")
    found = report.result("ai-chaos", {**asdict(verdict), "faults": FAULTS, "stages": len(pipeline.OPTIONAL_STAGES)})
    report.write(found)
    if verdict.anomalies:
        raise SystemExit(f"{len(verdict.anomalies)} anomalies")


if __name__ == "__main__":
    main()
