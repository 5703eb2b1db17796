"""Shadow runs: the current stage processes its inputs again, isolated and without billed calls."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import msgspec
import pytest
from confluent_kafka import OFFSET_END, TopicPartition
from typer.testing import CliRunner

from headrace.console.app.main import app
from headrace.console.kafka.admin import KafkaAdmin
from headrace.schemas import topics
from headrace.schemas.kafka import clients
from headrace.schemas.kafka.settings import KafkaSettings
from headrace.schemas.records import Asset, JobFinished, JobStarted, MediaLabelled, MediaReady, Pointer
from headrace.schemas.serde import catalog, codec
from headrace.schemas.serde.codec import to_producer_record
from headrace.schemas.serde.schema_topic import publish_schemas
from headrace.schemas.settings import load
from headrace.streams import pipeline
from headrace.streams.aws import services as aws_services
from headrace.streams.aws.client import AwsClient
from headrace.streams.aws.s3 import S3Bucket
from headrace.streams.handlers import FinishedJob
from headrace.streams.limits.rate_limits import RateLimits
from headrace.streams.results import ResultsStore
from headrace.streams.service_results import VisionResult
from headrace.streams.settings import StreamSettings
from headrace.streams.stages import _rekognition, labels
from tests.chaos.support.observer import read_back
from tests.support.brokers import brokers
from tests.support.prices import PRICES
from tests.support.records import NOW, asset, envelope, ready

CAT: dict[str, Any] = {"Name": "Cat", "Confidence": 99.0, "Parents": [], "Instances": []}
SOFA: dict[str, Any] = {"Name": "Sofa", "Confidence": 61.0, "Parents": [], "Instances": []}
IMAGE = {"Labels": [CAT, SOFA], "LabelModelVersion": "3.0"}
VIDEO = {
    "JobStatus": "SUCCEEDED",
    "Labels": [{"Timestamp": 0, "Label": CAT}, {"Timestamp": 500, "Label": SOFA}],
    "LabelModelVersion": "3.0",
    "VideoMetadata": {},
}


class Answers(AwsClient):
    """Rekognition with one fixed response."""

    def __init__(self, answer: dict[str, Any]) -> None:
        super().__init__(1, RateLimits({}, {}))
        self._answer = answer

    async def call(self, service: str, operation: str, **parameters: Any) -> dict[str, Any]:
        """Return the response."""
        return dict(self._answer)


@dataclass(frozen=True)
class Place:
    """A cluster of its own, and a bucket shared with other tests."""

    settings: KafkaSettings
    results: ResultsStore
    bucket: S3Bucket
    streams: StreamSettings
    name: str

    def ready(self, key: str, **changes: Any) -> MediaReady:
        """Produce a `MediaReady` event."""
        event = ready(asset(key, bucket=f"trial-{self.name}"), **changes)
        sent = to_producer_record(event, envelope(event), codec.load())
        producer = clients.producer(self.settings)
        producer.produce(sent.topic, sent.value, sent.key, headers=list(sent.headers))
        assert producer.flush(10) == 0
        return event

    def labelled(self, event: MediaReady, answer: dict[str, Any]) -> None:
        """Store the stage's result for a service response, as the live stage does."""
        asyncio.run(self._labelled(event, answer))

    async def _labelled(self, event: MediaReady, answer: dict[str, Any]) -> None:
        services = aws_services.build_services(Answers(answer), self.bucket, self.streams, PRICES)
        services = replace(services, blobs=self.results)
        if event.kind == "video":
            job = self.job(event)
            await self.results.put(event.asset, "labels@1.started", job, envelope(job), "cause")
            end = JobFinished(
                token=job.token,
                service=job.service,
                operation=job.operation,
                job_id=job.job_id,
                status="succeeded",
                finished_at=NOW,
            )
            assert labels.STAGE.job is not None
            result = await labels.STAGE.job.finish(FinishedJob(end, event), services)
        else:
            assert labels.STAGE.job is not None
            assert labels.STAGE.job.otherwise is not None
            made = await labels.STAGE.job.otherwise.run(event, services)
            assert made is not None
            result = made
        await self.results.put(event.asset, "labels@1", result, envelope(result), "cause")

    def job(self, event: MediaReady) -> JobStarted:
        """Return the job that the stage has started before."""
        token = f"labels-{'0' * 40}"
        return JobStarted(
            asset=event.asset,
            stage="labels",
            token=token,
            partition=0,
            service="rekognition",
            operation="StartLabelDetection",
            job_id="a-job",
            started_at=NOW,
            deadline_at=NOW,
        )

    def run(self, *arguments: str) -> Any:
        """Run `headrace replay ARGUMENTS --json` in this process."""
        done = CliRunner().invoke(app, ["replay", *arguments, "--json"])
        assert done.exit_code == 0, done.output
        return json.loads(done.stdout)

    def live(self) -> tuple[dict[str, int], dict[str, bytes | None]]:
        """Return the end offset of each live topic and the objects of the live store."""
        log = KafkaAdmin(self.settings)
        names = [name for name in log.names() if not name.startswith(("replay.", "system.", "__"))]
        ends = {f"{place[0]}/{place[1]}": span.high for place, span in log.spans(names).items()}
        keys = asyncio.run(self.bucket.list(f"trial-{self.name}/", ""))
        return ends, {key: asyncio.run(self.bucket.get(key)) for key in keys}


def refused(*arguments: str) -> str:
    """Run `headrace replay ARGUMENTS`, which fails, and return its error output."""
    done = CliRunner().invoke(app, ["replay", *arguments])
    assert done.exit_code == 1, done.output
    return done.stderr


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaSettings]:
    """A broker without records of other tests."""
    with brokers(tmp_path_factory.mktemp("trial-brokers"), 1) as started:
        settings = KafkaSettings(bootstrap_servers=started.bootstrap_servers)
        names = [stage.name for stage in pipeline.stages()]
        clients.create_topics(clients.admin(settings), topics.table(names), 1)
        publish_schemas(clients.producer(settings), catalog.versions())
        yield settings


@pytest.fixture
def here(cluster_env: dict[str, str], cluster: KafkaSettings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    monkeypatch.setenv("HEADRACE_BOOTSTRAP_SERVERS", cluster.bootstrap_servers)
    aws = AwsClient(4, RateLimits({}, {}))
    bucket = S3Bucket(aws, cluster_env["HEADRACE_RESULTS_BUCKET"])
    yield Place(cluster, ResultsStore(bucket), bucket, load(StreamSettings), uuid.uuid4().hex[:8])
    aws.close()
    delete_inputs(cluster)


def delete_inputs(settings: KafkaSettings) -> None:
    """Delete every record that the stage reads."""
    admin = clients.admin(settings)
    places = KafkaAdmin(settings).spans([topic.name for topic in labels.STAGE.inputs])
    for future in admin.delete_records([TopicPartition(*place, OFFSET_END) for place in places]).values():
        future.result()


def test_shadow_run_compares_a_changed_stage_and_changes_nothing_live(
    here: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    here.labelled(here.ready("cat.jpg"), IMAGE)
    here.labelled(here.ready("cat.mp4", kind="video", duration_seconds=9.0), VIDEO)
    here.ready("new.jpg")
    here.ready("song.mp3", kind="audio")
    before = here.live()
    arguments = ("rewind", "labels", "--to", "earliest", "--shadow")
    planned = here.run(*arguments, "a-trial")
    assert (planned["executed"], planned["records"]) == (False, 4)
    same = here.run(*arguments, "a-trial", "--execute")["diff"]
    assert same["verdicts"] == {"same": 2, "refused": 1, "unanswered": 1}
    [letter] = same["different"]
    assert (letter["key"], letter["code"]) == (f"trial-{here.name}/new.jpg", "would_be_paid")

    changed = _rekognition.vision_stage("labels", "labels", topics.LABELLED, only_the_surest)
    monkeypatch.setattr(
        pipeline,
        "DEFAULT_STAGES",
        tuple(changed if each.name == "labels" else each for each in pipeline.DEFAULT_STAGES),
    )
    changes = here.run(*arguments, "another", "--execute")["diff"]
    assert changes["verdicts"] == {"changed": 2, "refused": 1, "unanswered": 1}
    image = next(each for each in changes["different"] if each["key"].endswith("cat.jpg"))
    assert {"field": "labels.length", "before": "2", "after": "1"} in image["changes"]
    assert changes == here.run("diff", "another")
    assert here.live() == before
    assert len(read_back(here.settings, ("replay.another.media.labelled",))) == 2
    assert len(read_back(here.settings, ("replay.another.labels.dlq",))) == 1

    assert "shadow run another of labels to earliest exists" in refused(*arguments, "another", "--execute")
    discarded = CliRunner().invoke(app, ["replay", "discard", "another"])
    assert discarded.exit_code == 0, discarded.output + discarded.stderr
    assert "no shadow run another" in refused("diff", "another")
    assert asyncio.run(here.bucket.list("_replays/another/", "")) == []
    assert here.live() == before
    assert here.run("diff", "a-trial") == same
    entries = [(each["what"], each["stage"], each["state"]) for each in here.run("list")]
    assert entries == [("trial", "labels", "done"), ("trial", "labels", "done"), ("discard", "labels", "done")]


def only_the_surest(asset: Asset, findings: VisionResult, result: Pointer) -> MediaLabelled:
    """A changed stage that keeps only the first label."""
    return msgspec.structs.replace(labels.labelled(asset, findings, result), labels=tuple(findings.detections[:1]))


@pytest.mark.usefixtures("cluster_env")
def test_rejects_stages_that_cannot_run_as_a_shadow() -> None:
    assert "checks running jobs" in refused("rewind", "overdue", "--to", "earliest", "--shadow", "a")
    assert "lower-case letters" in refused("rewind", "labels", "--to", "earliest", "--shadow", "A trial")
    assert "no shadow run a" in refused("discard", "a")


def test_unreachable_store_is_a_one_line_error(here: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    here.ready("cat.jpg")
    here.run("rewind", "labels", "--to", "latest", "--execute")
    log = KafkaAdmin(here.settings)
    places = log.spans([topic.name for topic in labels.STAGE.inputs])
    before = log.positions("headrace.labels", places)
    assert before
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:1")
    error = refused("rewind", "labels", "--to", "earliest", "--reprocess", "--execute", "--yes")
    assert "cannot read the results store" in error
    assert error.count("\n") == 1
    assert log.positions("headrace.labels", places) == before


def test_reprocess_is_confirmed_executed_and_undone(here: Place) -> None:
    here.labelled(here.ready("cat.jpg"), IMAGE)
    arguments = ("rewind", "labels", "--to", "earliest")
    here.run("rewind", "labels", "--to", "latest", "--execute")
    assert here.run(*arguments)["forecast"]["counts"] == {"stored": 1}
    planned = here.run(*arguments, "--reprocess")
    assert planned["forecast"]["counts"] == {"paid": 1}
    assert planned["forecast"]["usd"] > 0
    assert "add --yes" in refused(*arguments, "--reprocess", "--execute")
    assert here.run(*arguments)["forecast"]["counts"] == {"stored": 1}
    done = here.run(*arguments, "--reprocess", "--execute", "--yes")
    here.run("rewind", "labels", "--to", "latest", "--execute")
    assert here.run(*arguments)["forecast"]["counts"] == {"paid": 1}
    here.run("undo", done["id"], "--execute")
    here.run("rewind", "labels", "--to", "latest", "--execute")
    assert here.run(*arguments)["forecast"]["counts"] == {"stored": 1}
    assert "--reprocess needs the stage's own inputs" in refused(*arguments, "--reprocess", "--topic", "labels.dlq")
    assert "omit --sample 0" in refused(*arguments, "--reprocess", "--sample", "0")
