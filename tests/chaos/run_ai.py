"""Crash test of every AI service with every fault at once: `make chaos-ai`.

Files go through all stages while the AI endpoint throttles, fails before and after the effect, and loses, repeats and
delays completions. Every stage must succeed, and no token may have two jobs in the log of the AI endpoint. With
`--reuse`, the stages reuse the results of identical content, and each content has one job per stage.
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
import tomllib
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench.harness import report
from headrace.connectors.aws.client import AwsSession
from headrace.console import aws
from headrace.console.app.process import end_on_signals
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
from headrace.sandbox.demo.isolation import isolate_environment
from headrace.sandbox.demo.workspace import end
from headrace.sandbox.names import MEDIA_BUCKET
from headrace.schemas.ids import token_stage
from headrace.schemas.jobs import concurrent_jobs
from headrace.schemas.topics import UPLOADED
from headrace.streams import pipeline
from headrace.streams.handlers import AsyncJob, Transform

FAULTS: tuple[dict[str, Any], ...] = (
    {"operation": "*", "kind": "throttle", "share": 0.15},
    {"operation": "*", "kind": "error_500", "share": 0.1},
    {"operation": "*", "kind": "error_after_effect", "share": 0.05},
    {"operation": "*", "kind": "lost_completion", "share": 0.15},
    {"operation": "*", "kind": "duplicate_completion", "share": 0.15},
    {"operation": "*", "kind": "late_completion", "share": 0.1, "seconds": 5.0},
)
WITHOUT_TOKEN = ("polly",)
CONSENTED = frozenset(stage.name for stage in pipeline.all_stages() if stage.needs_consent)
"""Stages that reuse nothing."""
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
    reuse: bool
    contents: int
    """The number of different files."""
    anomalies: list[str]


@dataclass(frozen=True, slots=True)
class ChaosPlan:
    """A run: how many files, in which order, for at most how many seconds, and whether stages reuse results."""

    assets: int
    seed: int
    limit: float
    reuse: bool = False


def pipeline_text(reuse: bool) -> str:
    """Return the pipeline file with every stage; with `reuse`, all of them reuse results that can."""
    tables = tomllib.loads(demo_run.ALL_STAGES.read_text("utf-8"))["stages"]
    tables["overdue"] = {"after": FIRST_LOOK_SECONDS}
    for stage in pipeline.all_stages() if reuse else ():
        reuses = isinstance(stage.handler, Transform | AsyncJob) and stage.writes and not stage.needs_consent
        if reuses and UPLOADED not in stage.reads:
            tables[stage.name] = {**tables.get(stage.name, {}), "reuse": "content"}
    return "".join(
        f"[stages.{name}]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in table.items())
        for name, table in tables.items()
    )


def run(plan: ChaosPlan) -> Verdict:
    """Process files in a separate sandbox and check the result."""
    isolate_environment()
    with tempfile.TemporaryDirectory(prefix="headrace-chaos-") as name:
        folder = Path(name)
        try:
            return _run(folder, plan)
        finally:
            end(folder, ())


def _run(folder: Path, plan: ChaosPlan) -> Verdict:
    state = cluster.up(folder)
    (folder / environment.PIPELINE_FILE).write_text(pipeline_text(plan.reuse), "utf-8")
    os.environ.update(environment.of(folder))
    (folder / names.FOLDER).mkdir()
    contract.apply_contract()
    parts = demo_run.start_pipeline(folder)
    endpoint = f"http://127.0.0.1:{state.parts['ai'].port}"
    for fault in FAULTS:
        _ask(f"{endpoint}/faults", fault)
    begun = time.monotonic()
    wanted = dict(_put(plan.assets, random.Random(plan.seed)))
    service = connect(load_stages())
    anomalies: list[str] = []
    ended: set[str] = set()
    for update in service.follow():
        for key in {name.removeprefix(f"{MEDIA_BUCKET}/") for name in update.changed} & wanted.keys():
            version = update.progress.newest_version(f"{MEDIA_BUCKET}/{key}")
            if version and version.state == "completed" and not demo_report.missing(wanted[key], version):
                ended.add(key)
        if len(ended) == len(wanted) or (time.monotonic() - begun > plan.limit and update.caught_up):
            break
        anomalies += [f"the {part.name} ended" for part in parts if not processes.is_alive(part)]
        if anomalies:
            break
    for key, sample in wanted.items():
        version = update.progress.newest_version(f"{MEDIA_BUCKET}/{key}")
        anomalies += [f"{key}: {line}{_under_way(version)}" for line in demo_report.wrong(sample, version)]
    log = _ask(f"{endpoint}/ledger?limit=100000")
    most = _most_at_once(log)
    anomalies += [*_double(log), *_again(log), *(_repeated_content(log) if plan.reuse else ())]
    anomalies += [
        f"{name}: {number} jobs at once, of {quota}"
        for name, number in most.items()
        if number > (quota := concurrent_jobs(names.REGION)[name])
    ]
    took = round(time.monotonic() - begun, 1)
    contents = len({sample.name for sample in wanted.values()})
    return Verdict(
        plan.seed,
        plan.assets,
        took,
        log["outcomes"],
        log["jobs_unique"],
        most,
        plan.reuse,
        contents,
        anomalies,
    )


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


def _repeated_content(log: dict[str, Any]) -> Iterator[str]:
    """Report contents with several jobs of one stage. The name of a sample identifies its content."""
    jobs = ((token_stage(job["token"] or ""), job["asset"].rpartition("/")[2]) for job in log["jobs"] if job["asset"])
    for (stage, name), number in Counter(jobs).items():
        if number > 1 and stage is not None and stage not in CONSENTED:
            yield f"{stage}: {number} jobs for the content of {name}"


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
    parser.add_argument("--reuse", action="store_true", help="reuse the results of identical content")
    options = parser.parse_args()
    end_on_signals()
    end_children_with_me()
    verdict = run(ChaosPlan(options.assets, options.seed, options.limit, options.reuse))
    sys.stdout.write(json.dumps(asdict(verdict), indent=2) + "\n")
    name = "ai-chaos-reuse" if options.reuse else "ai-chaos"
    result = report.result(name, {**asdict(verdict), "faults": FAULTS, "stages": len(pipeline.OPTIONAL_STAGES)})
    report.write(result)
    if verdict.anomalies:
        raise SystemExit(f"{len(verdict.anomalies)} anomalies")


if __name__ == "__main__":
    main()
