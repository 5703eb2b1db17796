"""Run a smoke test: a local broker and worker, the AI services and S3 of a real account."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from headrace.connectors.aws.client import AwsSession
from headrace.connectors.backfill.backfill import BackfillPlan
from headrace.connectors.backfill.backfill import run as send_backfill
from headrace.connectors.backfill.checkpoint import Checkpoint
from headrace.connectors.backfill.filters import ObjectFilters, name_of
from headrace.connectors.backfill.listing import objects, open_prefix
from headrace.connectors.backfill.producer import BackfillProducer
from headrace.console import aws as console_aws
from headrace.console.assets.projection import AssetVersion
from headrace.console.assets.read_service import connect
from headrace.console.aws_account.identity import caller_identity
from headrace.console.routing.stages import load_stages
from headrace.console.terminal.output import print_line
from headrace.sandbox.cluster import cluster, environment, processes
from headrace.sandbox.cluster.contract import apply_contract
from headrace.sandbox.cluster.progress_events import OnProgressEvent
from headrace.sandbox.cluster.state_file import RunningComponent
from headrace.sandbox.demo.isolation import isolate_environment
from headrace.sandbox.demo.run import start_pipeline
from headrace.sandbox.demo.samples import MEDIA
from headrace.sandbox.demo.workspace import end, signals_ignored
from headrace.sandbox.errors import SandboxError
from headrace.sandbox.smoke.price import SAMPLES, SmokePrice
from headrace.sandbox.smoke.report import SmokeReport
from headrace.sandbox.smoke.temporary import SmokePlace, TemporaryResources
from headrace.schemas.kafka.settings import KafkaSettings
from headrace.schemas.settings import load

KEPT = (
    "HEADRACE_JOBS_TOPIC_ARN",
    "HEADRACE_JOBS_ROLE_ARN",
    "HEADRACE_MEDIACONVERT_ROLE_ARN",
    "HEADRACE_LANGUAGE",
    "HEADRACE_PRICES",
)
"""The settings of the user that a smoke test uses, besides its pipeline file and those of AWS."""


@dataclass(frozen=True, slots=True)
class SmokePlan:
    """The bucket, the price and its ceiling in US dollars, the time limit in seconds, and the pipeline file."""

    bucket: str
    price: SmokePrice
    ceiling: float
    limit: float
    pipeline: str


def smoke(plan: SmokePlan, aws: AwsSession, folder: Path, on_event: OnProgressEvent) -> SmokeReport:
    """Run a test with a broker in `folder`, and delete everything at AWS, also after Ctrl-C.

    Raises:
        SandboxError: the bucket has objects, or a component does not start or exits.
        AwsCallError: AWS rejected a call that sets up the test.
    """
    began = time.monotonic()
    place = smoke_place(aws, plan.bucket)
    resources = TemporaryResources(aws, place, datetime.now(UTC))
    isolate_environment(KEPT, keep_aws=True)
    (folder / environment.PIPELINE_FILE).write_text(plan.pipeline, "utf-8")
    try:
        parts = start(folder, place, resources.create(), on_event)
        versions = process(aws, place, parts, plan.limit)
    finally:
        left = _clean_up(folder, resources)
    names = {plan.bucket: "BUCKET", place.jobs_topic: "TOPIC", os.environ.get("HEADRACE_JOBS_ROLE_ARN", ""): "ROLE"}
    return SmokeReport(place.region, plan.ceiling, plan.price, time.monotonic() - began, versions, left, names)


def _clean_up(folder: Path, resources: TemporaryResources) -> list[str]:
    """Stop the worker, which would store more results, delete everything, and return what is left."""
    with signals_ignored():
        try:
            end(folder, ())
        finally:
            left = resources.clean_up()
            for each in left:
                print_line(f"not deleted: {each}", error=True)
    return left


def smoke_place(aws: AwsSession, bucket: str) -> SmokePlace:
    """Return where a test runs, with a new name. Raises `AwsCallError` without valid credentials."""
    identity = caller_identity(aws, lambda: datetime.now(UTC))
    return SmokePlace(
        run=f"headrace-smoke-{uuid.uuid4().hex[:8]}",
        bucket=bucket,
        account=identity.account,
        partition=identity.partition,
        region=console_aws.region(aws),
        jobs_topic=os.environ.get("HEADRACE_JOBS_TOPIC_ARN", ""),
    )


def start(folder: Path, place: SmokePlace, queue_url: str, on_event: OnProgressEvent) -> list[RunningComponent]:
    """Start a broker, the bridge and a worker that use the account.

    Raises:
        SandboxError: a component does not start.
    """
    state = cluster.up(folder, ("kafka",), on_event)
    os.environ.update(environment.variables(state))
    os.environ["HEADRACE_PIPELINE"] = str(folder / environment.PIPELINE_FILE)
    os.environ["HEADRACE_VIEWS"] = str(folder / environment.VIEWS)
    for name in ("MEDIA", "RESULTS"):
        os.environ[f"HEADRACE_{name}_BUCKET"] = place.bucket
    os.environ["HEADRACE_QUEUE_URLS"] = queue_url
    apply_contract()
    return start_pipeline(folder)


def process(
    aws: AwsSession, place: SmokePlace, parts: list[RunningComponent], limit: float
) -> Mapping[str, AssetVersion]:
    """Upload the samples, send their events, and return the versions by file once all are completed, or time is up.

    Raises:
        SandboxError: a component exited.
    """
    for name in SAMPLES:
        console_aws.upload(aws, MEDIA / name, place.bucket, f"{place.run}/{name}")
    _announce(aws, place)
    deadline = time.monotonic() + limit
    versions: dict[str, AssetVersion] = {}
    for update in connect(load_stages()).follow():
        for part in parts:
            if not processes.is_alive(part):
                last = " ".join(processes.last_lines(part.log, 1))
                raise SandboxError(f"The {part.name} exited; the last line of its log: {last}")
        found = {name: update.progress.versions(f"{place.bucket}/{place.run}/{name}") for name in SAMPLES}
        versions = {name: each[-1] for name, each in found.items() if each}
        is_done = len(versions) == len(SAMPLES) and all(each.state == "completed" for each in versions.values())
        if is_done or time.monotonic() > deadline:
            break
    return versions


def _announce(aws: AwsSession, place: SmokePlace) -> None:
    """Send an event for each sample. The notifications of the bucket stay as they are."""
    plan = BackfillPlan(open_prefix(aws, f"s3://{place.bucket}/{place.run}/"), ObjectFilters(), None)
    begin = Checkpoint(name_of(plan.place, plan.filters))
    for _ in send_backfill(plan, objects(aws, plan.place), begin, BackfillProducer(load(KafkaSettings))):
        pass
