"""What a run of the demo does: start what it needs, put the files, and follow the log until each has ended."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from headrace.console import aws
from headrace.console.assets.projection import AssetProjection, AssetVersion
from headrace.console.assets.read_service import ReadService, connect
from headrace.sandbox.cluster import cluster, environment, processes
from headrace.sandbox.cluster.contract import apply_contract
from headrace.sandbox.cluster.processes import ProcessCommand
from headrace.sandbox.cluster.progress_view import ProgressView
from headrace.sandbox.cluster.state_file import RunningComponent, locked, read, write
from headrace.sandbox.demo import rule_targets, rules
from headrace.sandbox.demo.report import DemoReport, Seconds, endings, ledger, missing
from headrace.sandbox.demo.samples import SampleFile, samples
from headrace.sandbox.demo.view import progress
from headrace.sandbox.demo.workspace import isolate_environment
from headrace.sandbox.errors import SandboxError
from headrace.sandbox.names import MEDIA_BUCKET

PIPELINE = {"bridge": ("bridge",), "worker": ("worker", "--all")}
"""What `headrace` is told to be bridge and worker."""

BROKEN = "broken"
"""In a sandbox's folder, the stage that its worker runs with a bug."""

ALL_STAGES = Path(__file__).with_name("all_stages.toml")


@dataclass(frozen=True, slots=True)
class DemoPlan:
    """What is asked for: every stage or the usual ones, how many seconds the files may take, and a stage with a bug."""

    all_stages: bool = False
    limit: float = 180.0
    broken: str = ""


Known = Mapping[str, Collection[str]]
"""The sequencers of the versions of each file that were there before this run."""


def run(plan: DemoPlan, folder: Path, console: Console) -> DemoReport:
    """Run the demo on the sandbox in a folder, which is started where it is not up.

    Raises `SandboxError` when something does not start, or ends by itself.
    """
    began = time.monotonic()
    isolate_environment()
    with ProgressView(console) as watch:
        state = cluster.up(folder, tell=watch.tell)
    rules.write(folder, state.parts["ai"].port)
    choose_pipeline(folder, plan.all_stages)
    os.environ.update(environment.of(folder))
    apply_contract()
    parts = start_pipeline(folder, plan.broken)
    ready = time.monotonic() - began
    service, files, endpoint = (
        connect(),
        samples(plan.all_stages, plan.broken),
        os.environ["AWS_ENDPOINT_URL_REKOGNITION"],
    )
    there, jobs = known(service, files), ledger(endpoint)
    place = (state.parts["aws"].port, endpoint)
    before = rule_targets.counted(*place)
    put(files)
    versions: dict[str, AssetVersion] = {}
    first = last = None
    with progress(console, service.stage_names) as show:
        for versions in follow(service, files, there, parts):
            show(versions)
            now = time.monotonic() - began
            if first is None and any(endings(version) for version in versions.values()):
                first = now
            if not any(missing(sample, versions.get(sample.name)) for sample in files):
                last = now
            if last or now > ready + plan.limit:
                break
    least = rule_targets.wanted(versions) if last else rule_targets.NOTHING
    routed = rule_targets.arrived(before, least, place)
    return DemoReport(files, versions, ledger(endpoint).since(jobs), Seconds(ready, first, last), routed)


def choose_pipeline(folder: Path, all_stages: bool) -> None:
    """Let the sandbox run every stage, or the usual ones; bridge and worker that run others are ended first."""
    file = folder / environment.PIPELINE_FILE
    wanted = ALL_STAGES.read_text("utf-8") if all_stages else None
    if wanted == (file.read_text("utf-8") if file.exists() else None):
        return
    with locked(folder):
        state = read(folder)
        processes.stop(state.parts[name] for name in PIPELINE if name in state.parts)
    if wanted is None:
        file.unlink()
    else:
        file.write_text(wanted, "utf-8")


def start_pipeline(folder: Path, broken: str = "") -> list[RunningComponent]:
    """Start bridge and worker where they do not run, as parts of the sandbox: its `status` and `down` know them.

    A worker with another bug in it than is wanted, or with none, is ended first.
    """
    with locked(folder):
        state = read(folder)
        mark = folder / BROKEN
        if broken != (mark.read_text("utf-8") if mark.exists() else "") and "worker" in state.parts:
            processes.stop([state.parts["worker"]])
        mark.write_text(broken, "utf-8")
        modules = {"worker": ("headrace.sandbox.demo.faulty_worker", broken)} if broken else {}
        for name, arguments in PIPELINE.items():
            if name not in state.parts or not processes.is_alive(state.parts[name]):
                module = modules.get(name, ("headrace.console", *arguments))
                command = ProcessCommand((sys.executable, "-P", "-m", *module), folder)
                part = processes.spawn(name, command, 0, folder / "logs" / f"{name}.log")
                state = state.with_part(part)
                write(folder, state)
    return [state.parts[name] for name in PIPELINE]


def put(files: Collection[SampleFile]) -> None:
    """Store the files in S3, as anyone would."""
    with tempfile.TemporaryDirectory(prefix="headrace-demo-") as folder:
        for sample in files:
            path = Path(folder) / sample.name
            path.write_bytes(sample.content())
            aws.upload(path, MEDIA_BUCKET, sample.name)


def known(service: ReadService, files: Collection[SampleFile]) -> Known:
    """Say which versions of the files are there already: a sandbox that was kept may have run the demo before."""
    now = service.progress()
    return {sample.name: {each.asset.sequencer for each in now.versions(asset_of(sample))} for sample in files}


def follow(
    service: ReadService, files: Collection[SampleFile], before: Known, parts: Collection[RunningComponent]
) -> Iterator[dict[str, AssetVersion]]:
    """Give the versions that this run has put, by file name, again and again as the log grows.

    Raises `SandboxError` when bridge or worker has ended: nothing more would come.
    """
    for update in service.follow():
        for part in parts:
            if not processes.is_alive(part):
                last = " ".join(processes.last_lines(part.log, 1))
                raise SandboxError(f"The {part.name} ended by itself, and the last that it said is: {last}")
        found = {sample.name: _fresh(update.progress, sample, before[sample.name]) for sample in files}
        yield {name: version for name, version in found.items() if version}


def asset_of(sample: SampleFile) -> str:
    """Name the asset that a file becomes."""
    return f"{MEDIA_BUCKET}/{sample.name}"


def _fresh(progress: AssetProjection, sample: SampleFile, before: Collection[str]) -> AssetVersion | None:
    new = [each for each in progress.versions(asset_of(sample)) if each.asset.sequencer not in before]
    return new[-1] if new else None
