"""Run the demo: start the sandbox, upload the files, and follow the topics until every file is finished."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from headrace.connectors.aws.client import AwsSession
from headrace.console import aws
from headrace.console.assets.history import AssetHistory
from headrace.console.assets.projection import AssetVersion
from headrace.console.assets.read_service import ReadService, connect
from headrace.console.routing.stages import load_stages
from headrace.console.terminal.screen import Console
from headrace.sandbox.cluster import cluster, environment, processes
from headrace.sandbox.cluster.contract import apply_contract
from headrace.sandbox.cluster.processes import ProcessCommand
from headrace.sandbox.cluster.progress_view import ProgressView
from headrace.sandbox.cluster.state_file import RunningComponent, locked, read, write
from headrace.sandbox.demo import rule_targets, rules, spoken_word
from headrace.sandbox.demo.isolation import isolate_environment
from headrace.sandbox.demo.prestart import Prestarted
from headrace.sandbox.demo.report import DemoReport, Seconds, endings, ledger, missing
from headrace.sandbox.demo.samples import SampleFile, samples
from headrace.sandbox.demo.view import progress
from headrace.sandbox.errors import SandboxError
from headrace.sandbox.names import MEDIA_BUCKET

PIPELINE = {"bridge": ("bridge",), "worker": ("worker", "--all"), "views": ("views", "run")}
"""Arguments of `headrace` for the bridge, the worker and the projector of the views."""

FIRST = ("bridge", "worker")
"""The processes that a first result needs."""

NONE: Mapping[str, Prestarted] = MappingProxyType({})

BROKEN = "broken"
"""Name of the file in a sandbox's folder with the stage that its worker runs with a bug."""

ALL_STAGES = Path(__file__).with_name("all_stages.toml")


@dataclass(frozen=True, slots=True)
class DemoPlan:
    """Options of a run: all stages or the default ones, the time limit in seconds, and a stage with a bug."""

    all_stages: bool = False
    limit: float = 180.0
    broken: str = ""


Known = Mapping[str, Collection[str]]
"""Sequencers of the versions of each file that existed before this run."""


def run(plan: DemoPlan, folder: Path, console: Console, waiting: Mapping[str, Prestarted] = NONE) -> DemoReport:
    """Run the demo on the sandbox in a folder, and start the sandbox if it is not up.

    `waiting` are processes of the pipeline that wait for the cluster. The projector starts with the first result:
    nothing before it reads the views.

    Raises:
        SandboxError: A component does not start, or exits.
    """
    began = time.monotonic() - processes.own_age()
    isolate_environment()
    with ProgressView(console) as view:
        state = cluster.up(folder, on_event=view.on_event)
    rules.write(folder, state.parts["ai"].port)
    choose_pipeline(folder, ALL_STAGES.read_text("utf-8") if plan.all_stages else None)
    os.environ.update(environment.of(folder))
    apply_contract()
    parts = start_pipeline(folder, plan.broken, FIRST, waiting)
    ready = time.monotonic() - began
    service, files, endpoint = (
        connect(load_stages()),
        samples(plan.all_stages, plan.broken),
        os.environ["AWS_ENDPOINT_URL_REKOGNITION"],
    )
    existing, jobs = known(service, files), ledger(endpoint)
    targets = rule_targets.RuleTargets(state.parts["aws"].port, endpoint, AwsSession())
    before = rule_targets.counted(targets)
    put(files, targets.aws)
    versions: dict[str, AssetVersion] = {}
    first = last = None
    with progress(console, service.stage_names) as show:
        for versions in follow(service, files, existing, parts):
            show(versions)
            now = time.monotonic() - began
            if first is None and any(endings(version) for version in versions.values()):
                first = now
                parts[:] = start_pipeline(folder, plan.broken)
            if not any(missing(sample, versions.get(sample.name)) for sample in files):
                last = now
            if last or now > ready + plan.limit:
                break
    start_pipeline(folder, plan.broken)
    minimum = rule_targets.expected(versions) if last else rule_targets.NOTHING
    routed = rule_targets.arrived(before, minimum, targets)
    spoken = spoken_word.find_word() if last else None
    return DemoReport(files, versions, ledger(endpoint).since(jobs), Seconds(ready, first, last), routed, spoken)


def choose_pipeline(folder: Path, expected: str | None) -> None:
    """Write a pipeline file, or remove it for the default stages; stop a bridge and worker with another one."""
    file = folder / environment.PIPELINE_FILE
    if expected == (file.read_text("utf-8") if file.exists() else None):
        return
    with locked(folder):
        state = read(folder)
        processes.stop(state.parts[name] for name in PIPELINE if name in state.parts)
    if expected is None:
        file.unlink()
    else:
        file.write_text(expected, "utf-8")


def start_pipeline(
    folder: Path, broken: str = "", names: Collection[str] = tuple(PIPELINE), waiting: Mapping[str, Prestarted] = NONE
) -> list[RunningComponent]:
    """Start the named processes of the pipeline, if they are not running, as components of the sandbox.

    A worker whose `broken` stage differs is stopped first. Processes that are `waiting` are used.
    """
    with locked(folder):
        state = read(folder)
        broken_file = folder / BROKEN
        if broken != (broken_file.read_text("utf-8") if broken_file.exists() else "") and "worker" in state.parts:
            processes.stop([state.parts["worker"]])
        broken_file.write_text(broken, "utf-8")
        for name in names:
            if name not in state.parts or not processes.is_alive(state.parts[name]):
                state = state.with_part(_start(folder, name, broken, waiting))
                write(folder, state)
    return [state.parts[name] for name in names]


def _start(folder: Path, name: str, broken: str, waiting: Mapping[str, Prestarted]) -> RunningComponent:
    module: tuple[str, ...] = ("headrace.console", *PIPELINE[name])
    if name == "worker" and broken:
        module = ("headrace.sandbox.demo.faulty_worker", broken)
    elif name in waiting:
        return waiting[name].run(PIPELINE[name], os.environ)
    command = ProcessCommand((sys.executable, "-P", "-m", *module), folder)
    return processes.spawn(name, command, 0, folder / "logs" / f"{name}.log")


def put(files: Collection[SampleFile], session: AwsSession) -> None:
    """Upload the files to S3."""
    with tempfile.TemporaryDirectory(prefix="headrace-demo-") as folder:
        for sample in files:
            path = Path(folder) / sample.name
            path.write_bytes(sample.content())
            aws.upload(session, path, MEDIA_BUCKET, sample.name)


def known(service: ReadService, files: Collection[SampleFile]) -> Known:
    """Return the existing versions of the files; a kept sandbox may have run the demo before."""
    now = service.progress()
    return {sample.name: {each.asset.sequencer for each in now.versions(asset_of(sample))} for sample in files}


def follow(
    service: ReadService,
    files: Collection[SampleFile],
    before: Known,
    parts: Collection[RunningComponent],
) -> Iterator[dict[str, AssetVersion]]:
    """Yield the versions of this run by file name after every update.

    Raises:
        SandboxError: The bridge or the worker exited.
    """
    for update in service.follow():
        for part in parts:
            if not processes.is_alive(part):
                last = " ".join(processes.last_lines(part.log, 1))
                raise SandboxError(f"The {part.name} exited; the last line of its log: {last}")
        by_name = {sample.name: _new_version(update.progress, sample, before[sample.name]) for sample in files}
        yield {name: version for name, version in by_name.items() if version}


def asset_of(sample: SampleFile) -> str:
    """Return the asset id of a file."""
    return f"{MEDIA_BUCKET}/{sample.name}"


def _new_version(progress: AssetHistory, sample: SampleFile, before: Collection[str]) -> AssetVersion | None:
    new = [each for each in progress.versions(asset_of(sample)) if each.asset.sequencer not in before]
    return new[-1] if new else None
