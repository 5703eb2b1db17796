"""What a run of the demo does: start what it needs, put the files, follow the log, end what was started."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console

from console import aws
from console.progress import Progress, Version
from console.service import ReadService, connect
from sandbox import cluster, processes
from sandbox.demo_files import Sample, samples
from sandbox.demo_report import Report, Seconds, endings, ledger, missing
from sandbox.demo_show import progress
from sandbox.environment import variables
from sandbox.errors import SandboxError
from sandbox.folders import default_data
from sandbox.names import HOST, MEDIA_BUCKET
from sandbox.processes import Command
from sandbox.show import Watch
from sandbox.state import Part, State, locked, read, write
from schemas import catalog, kafka, topics
from schemas.log import publish
from schemas.settings import KafkaSettings, load
from streams import pipeline

PIPELINE: Mapping[str, tuple[str, ...]] = {"bridge": ("bridge",), "worker": ("worker", "--all")}
"""The processes beside the sandbox's own parts, and what `headrace` is told to be them."""

Known = Mapping[str, Collection[str]]
"""The sequencers of the versions of each file that were there before this run."""


def run(folder: Path, limit: float, console: Console) -> Report:
    """Run the demo on the sandbox in a folder, which is started where it is not up. The files may take `limit` seconds.

    Raises `SandboxError` when something does not start, or ends by itself.
    """
    began = time.monotonic()
    with Watch(console) as watch:
        settle(variables(cluster.up(folder, tell=watch.tell)))
    apply_contract()
    parts = start_pipeline(folder)
    ready = time.monotonic() - began
    service, files, endpoint = connect(), samples(), os.environ["AWS_ENDPOINT_URL_REKOGNITION"]
    there, jobs = known(service, files), ledger(endpoint)
    put(files)
    versions: dict[str, Version] = {}
    first = last = None
    with progress(console, service.stage_names) as show:
        for versions in follow(service, files, there, parts):
            show(versions)
            now = time.monotonic() - began
            if first is None and any(endings(version) for version in versions.values()):
                first = now
            if not any(missing(sample, versions.get(sample.name)) for sample in files):
                last = now
            if last or now > ready + limit:
                break
    return Report(files, versions, ledger(endpoint).since(jobs), Seconds(ready, first, last))


@contextmanager
def place(data: Path | None, keep: bool) -> Iterator[Path]:
    """Give the folder of the sandbox to use, and end at the end what was started there since, unless it is to be kept.

    Without `keep` it is a folder of its own; a sandbox that is up already is nothing to be ended by a demo.
    """
    folder = (data or default_data()) if keep or data else Path(tempfile.mkdtemp(prefix="headrace-demo-"))
    before = alive(folder)
    if before and not keep:
        raise SandboxError(f"A sandbox is up in {folder}: add --keep to run the demo on it, or name another folder.")
    try:
        yield folder
    except (KeyboardInterrupt, SystemExit):
        keep = False
        raise
    finally:
        if not keep:
            with _undisturbed():
                end(folder, before)
                if data is None and not before:
                    shutil.rmtree(folder)


def alive(folder: Path) -> set[str]:
    """Name the parts of a sandbox that run."""
    return {name for name, part in read(folder).parts.items() if processes.is_alive(part)}


def end(folder: Path, spared: Collection[str]) -> None:
    """End the parts that are not to be spared: first those that need the others to drain."""
    with locked(folder):
        state = read(folder)
        mine = {name: part for name, part in state.parts.items() if name not in spared}
        processes.stop(part for name, part in mine.items() if name in PIPELINE)
        processes.stop(part for name, part in mine.items() if name not in PIPELINE)
        write(folder, State({name: part for name, part in state.parts.items() if name in spared}, state.ports))


def settle(variables: Mapping[str, str]) -> None:
    """Make this process and its children see the sandbox's cloud, and no other account or proxy of the user's."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    os.environ.update(variables)
    for name in ("NO_PROXY", "no_proxy"):
        os.environ[name] = ",".join(each for each in (HOST, os.environ.get(name, "")) if each)


def apply_contract() -> None:
    """Create the topics and publish the schemas."""
    settings = load(KafkaSettings)
    table = topics.table(stage.name for stage in pipeline.stages())
    kafka.create_topics(kafka.admin(settings), table, settings.replication_factor)
    publish(kafka.producer(settings), catalog.versions())


def start_pipeline(folder: Path) -> list[Part]:
    """Start bridge and worker where they do not run, as parts of the sandbox: its `status` and `down` know them."""
    with locked(folder):
        state = read(folder)
        for name, arguments in PIPELINE.items():
            if name not in state.parts or not processes.is_alive(state.parts[name]):
                command = Command((sys.executable, "-P", "-m", "console", *arguments), folder)
                part = processes.spawn(name, command, 0, folder / "logs" / f"{name}.log")
                state = state.with_part(part)
                write(folder, state)
    return [state.parts[name] for name in PIPELINE]


def put(files: Collection[Sample]) -> None:
    """Store the files in S3, as anyone would."""
    with tempfile.TemporaryDirectory(prefix="headrace-demo-") as folder:
        for sample in files:
            path = Path(folder) / sample.name
            path.write_bytes(sample.content())
            aws.upload(path, MEDIA_BUCKET, sample.name)


def known(service: ReadService, files: Collection[Sample]) -> Known:
    """Say which versions of the files are there already: a sandbox that was kept may have run the demo before."""
    now = service.progress()
    return {sample.name: {each.asset.sequencer for each in now.versions(asset_of(sample))} for sample in files}


def follow(
    service: ReadService, files: Collection[Sample], before: Known, parts: Collection[Part]
) -> Iterator[dict[str, Version]]:
    """Give the versions that this run has put, by file name, again and again as the log grows.

    Raises `SandboxError` when bridge or worker has ended: nothing more would come.
    """
    for update in service.follow():
        for part in parts:
            if not processes.is_alive(part):
                said = "".join(f"\n  {line}" for line in processes.last_lines(part.log))
                raise SandboxError(f"The {part.name} ended by itself:{said}")
        found = {sample.name: _fresh(update.progress, sample, before[sample.name]) for sample in files}
        yield {name: version for name, version in found.items() if version}


def asset_of(sample: Sample) -> str:
    """Name the asset that a file becomes."""
    return f"{MEDIA_BUCKET}/{sample.name}"


def _fresh(progress: Progress, sample: Sample, before: Collection[str]) -> Version | None:
    new = [each for each in progress.versions(asset_of(sample)) if each.asset.sequencer not in before]
    return new[-1] if new else None


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Let nobody cut short the end of what was started."""
    numbers = (signal.SIGINT, signal.SIGTERM)
    handlers = [signal.signal(number, signal.SIG_IGN) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, handlers, strict=True):
            signal.signal(number, handler)
