"""50 uploads of the same bytes within a second start one job per stage, over two workers, of which one is killed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from headrace.console.assets.asset_event import AssetEvent
from headrace.console.assets.read_service import connect
from headrace.console.routing.stages import load_stages
from headrace.sandbox.access.control import call_control
from headrace.schemas.kafka import clients
from headrace.schemas.kafka.settings import KafkaSettings
from headrace.schemas.serde import codec
from headrace.schemas.serde.codec import to_producer_record
from tests.support.aws_clients import new_client
from tests.support.process import Headrace, headrace, run, wait_for
from tests.support.records import asset, envelope, ready

UPLOADS = 50
STAGES = ("labels", "moderation", "transcript")
BUCKET = "headrace-media"
MEDIA = Path("sandbox/media/rabbit.mp4")
PIPELINE = "".join(f'[stages.{name}]\nreuse = "content"\n' for name in STAGES)


@pytest.fixture
def environment(cluster_env: dict[str, str], no_backlog: None, tmp_path: Path) -> dict[str, str]:
    file = tmp_path / "pipeline.toml"
    file.write_text(PIPELINE, "utf-8")
    return cluster_env | {"HEADRACE_PIPELINE": str(file)}


@pytest.fixture
def bridge(environment: dict[str, str], tmp_path: Path) -> Iterator[Headrace]:
    with headrace(environment, tmp_path, "bridge") as bridge:
        yield bridge.ready()


def upload(environment: dict[str, str], prefix: str, sha256: str) -> list[str]:
    """Publish videos with the same content that are ready, at once."""
    s3, encoder = new_client("s3"), codec.load()
    producer = clients.producer(KafkaSettings(bootstrap_servers=environment["HEADRACE_BOOTSTRAP_SERVERS"]))
    keys = [f"{prefix}/{number} é.mp4" for number in range(UPLOADS)]
    content, messages = MEDIA.read_bytes(), []
    for key in keys:
        stored = s3.put_object(Bucket=BUCKET, Key=key, Body=content)
        of = asset(key, bucket=BUCKET, version=key, etag=stored["ETag"].strip('"'), size=len(content))
        codecs = {"video_codec": "h264", "audio_codec": "aac"}
        event = ready(
            of, kind="video", content_type="video/mp4", format="mp4", duration_seconds=16.0, sha256=sha256, **codecs
        )
        messages.append(to_producer_record(event, envelope(event), encoder))
    for sent in messages:
        producer.produce(sent.topic, sent.value, sent.key, headers=list(sent.headers))
    assert producer.flush(30) == 0
    return [f"{BUCKET}/{key}" for key in keys]


def jobs(environment: dict[str, str], prefix: str) -> list[dict[str, Any]]:
    found = call_control(environment["AWS_ENDPOINT_URL_REKOGNITION"] + "/ledger?limit=10000")["jobs"]
    return [job for job in found if job["asset"].startswith(f"{BUCKET}/{prefix}/")]


def results(names: list[str]) -> dict[tuple[str, str], list[AssetEvent]] | None:
    """Return the results of each stage for each asset, once there are all."""
    progress, found = connect(load_stages()).progress(), {}
    for name in names:
        for version in progress.versions(name):
            for stage, fact in version.stages.items():
                if fact.status == "done" and stage in STAGES:
                    found[name, stage] = [each for each in version.facts if each.stage == stage and each.is_event]
    return found if len(found) == len(names) * len(STAGES) else None


def costs(environment: dict[str, str], *options: str) -> dict[str, float]:
    """Return the US dollars of each stage over all assets of the cluster, which other tests share."""
    all_stages: dict[str, float] = json.loads(run(environment, "cost", "--json", "--from-log", *options).stdout)
    return {stage: all_stages.get(stage, 0.0) for stage in STAGES}


def test_50_uploads_of_the_same_bytes_start_one_job_per_stage(
    environment: dict[str, str], bridge: Headrace, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    spent_before, saved_before = costs(environment), costs(environment, "--saved")
    with ExitStack() as stack:
        workers = [
            stack.enter_context(headrace(environment, folder, "worker", *STAGES))
            for folder in (tmp_path, tmp_path / "other")
        ]
        for each in workers:
            each.ready()
        names = upload(environment, "same", "5" * 64)
        wait_for(lambda: len(jobs(environment, "same")) == len(STAGES), "a job of each stage")
        workers[0].kill()
        found = wait_for(lambda: results(names), "the results of all uploads", 180)
        assert sorted(job["service"] for job in jobs(environment, "same")) == [
            "rekognition",
            "rekognition",
            "transcribe",
        ]
        reused = {key for key, facts in found.items() if any("reused from" in fact.summary for fact in facts)}
        assert len(reused) == (UPLOADS - 1) * len(STAGES)
        paid = {key for key, facts in found.items() if any(fact.usd_nanos for fact in facts)}
        assert paid.isdisjoint(reused)
        assert len(paid) == len(STAGES)
        assert workers[1].stop() == 0
    spent, saved = costs(environment), costs(environment, "--saved")
    for stage in STAGES:
        paid_usd, saved_usd = spent[stage] - spent_before[stage], saved[stage] - saved_before[stage]
        assert paid_usd > 0, f"{stage}: {spent_before} US$ before, {spent} US$ after"
        assert saved_usd == pytest.approx((UPLOADS - 1) * paid_usd, rel=0.01), (
            f"{stage}: {UPLOADS} uploads cost {paid_usd:.6f} US$ and saved {saved_usd:.6f} US$;"
            f" cost {spent_before} before and {spent} after, saved {saved_before} before and {saved} after"
        )
