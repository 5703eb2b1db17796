"""Console commands against a real cluster."""

from __future__ import annotations

import json
import signal
import uuid
from pathlib import Path
from typing import Any

import pytest

from headrace.console.assets.read_service import connect
from headrace.console.routing.stages import load_stages
from headrace.schemas import topics
from headrace.schemas.cloudevents import timestamp
from headrace.schemas.ids import named_id
from headrace.schemas.kafka import clients
from headrace.schemas.kafka.settings import KafkaSettings
from headrace.schemas.records import Asset, Event, MediaDeleted, MediaUploaded
from headrace.schemas.serde import codec
from headrace.schemas.serde.codec import to_producer_record
from tests.support.aws_clients import new_client
from tests.support.process import headrace, run, wait_for
from tests.support.records import NOW, asset, envelope, scanned, uploaded


class Cluster:
    """A cluster, and a bucket without event notifications."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.environment = environment
        self.bucket = f"quiet-{uuid.uuid4().hex[:12]}"
        new_client("s3").create_bucket(Bucket=self.bucket)
        self._producer = clients.producer(KafkaSettings(bootstrap_servers=environment["HEADRACE_BOOTSTRAP_SERVERS"]))

    def say(self, *events: Event) -> None:
        """Produce events; each is the cause of the next."""
        cause = ""
        for event in events:
            id_ = named_id(event.EVENT, str(event))
            metadata = envelope(event, id=id_, causation_id=cause, time=timestamp(NOW), source="headrace/scan")
            sent = to_producer_record(event, metadata, codec.load())
            self.produce(sent.topic, sent.key, sent.value, list(sent.headers))
            cause = id_

    def produce(self, topic: str, key: bytes | None, value: bytes | None, headers: Any = None) -> None:
        """Produce a record."""
        self._producer.produce(topic, value, key, headers=headers)
        assert self._producer.flush(10) == 0

    def asset(self, key: str, **changes: Any) -> Asset:
        """Create an object in the bucket."""
        new_client("s3").put_object(Bucket=self.bucket, Key=key, Body=b"hello")
        return asset(key, bucket=self.bucket, **changes)

    def run(self, *arguments: str) -> Any:
        """Run `headrace ARGUMENTS` to completion."""
        return run(self.environment, *arguments)

    def json(self, *arguments: str) -> Any:
        """Run a command and return its JSON output."""
        result = self.run(*arguments)
        assert result.returncode == 0, result.stderr
        return json.loads(result.stdout)


@pytest.fixture(scope="module")
def cluster(cluster_env: dict[str, str], no_backlog: None) -> Cluster:
    return Cluster(cluster_env)


def test_put_stores_a_file_and_prints_its_asset(cluster: Cluster, tmp_path: Path) -> None:
    file = tmp_path / "a + b.jpg"
    file.write_bytes(b"\xff\xd8\xff")
    result = cluster.run("put", str(file), "--bucket", cluster.bucket, "--prefix", "in")
    there = new_client("s3").head_object(Bucket=cluster.bucket, Key="in/a + b.jpg")
    assert result.stdout == f"{cluster.bucket}/in/a + b.jpg  {there['ETag'].strip(chr(34))}\n"
    assert there["ContentType"] == "image/jpeg"


def test_put_into_a_missing_bucket_is_a_one_line_error(cluster: Cluster, tmp_path: Path) -> None:
    file = tmp_path / "a.jpg"
    file.write_bytes(b"x")
    result = cluster.run("put", str(file), "--bucket", "no-such-bucket")
    assert (result.returncode, result.stdout, result.stderr.count("\n")) == (1, "", 1)
    assert "NoSuchBucket" in result.stderr


def test_trace_prints_steps_and_causes(cluster: Cluster) -> None:
    of = cluster.asset("traced.txt")
    cluster.say(uploaded(of), scanned(of))
    found = cluster.json("trace", f"s3://{cluster.bucket}/traced.txt", "--json")
    assert found["asset"] == f"{cluster.bucket}/traced.txt"
    [version] = found["versions"]
    assert version["stages"]["scan"]["status"] == "done"
    first, second = version["timeline"][:2]
    assert (first["event"], second["event"]) == ("MediaUploaded", "MediaScanned")
    assert (second["cause"], second["cause_event"]) == (first["id"], "MediaUploaded")


def test_trace_prints_every_version(cluster: Cluster) -> None:
    old = cluster.asset("versions.txt")
    new = asset("versions.txt", bucket=cluster.bucket, sequencer="0B", version="e2", etag="e2")
    cluster.say(uploaded(old), uploaded(new))
    result = cluster.run("trace", f"{cluster.bucket}/versions.txt")
    assert result.returncode == 0
    assert "superseded, version e1, 10 B, replaced by version e2" in result.stdout
    assert "processing, version e2" in result.stdout


def test_trace_finds_a_key_without_its_bucket(cluster: Cluster) -> None:
    cluster.say(uploaded(cluster.asset("nowhere-else.txt")))
    assert cluster.json("trace", "nowhere-else.txt", "--json")["asset"] == f"{cluster.bucket}/nowhere-else.txt"


def test_invalid_schema_record_does_not_stop_readers(cluster: Cluster) -> None:
    of = cluster.asset("junk.txt")
    cluster.produce(topics.SCHEMAS.name, b"junk", b"{not a schema")
    cluster.say(uploaded(of))
    assert len(cluster.json("trace", f"{cluster.bucket}/junk.txt", "--json")["versions"]) == 1


def test_trace_of_an_unknown_asset_prints_one_line(cluster: Cluster) -> None:
    result = cluster.run("trace", "no/such/asset", "--from-log")
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == "no records of no/such/asset: the log has none with this key\n"


def test_status_prints_progress_of_every_stage(cluster: Cluster) -> None:
    cluster.say(uploaded(cluster.asset("status.txt")))
    found = cluster.json("status", "--json")
    assert found["brokers"] == [cluster.environment["HEADRACE_BOOTSTRAP_SERVERS"]]
    stages = {stage["stage"]: stage for stage in found["stages"]}
    assert {"thumbnails", "scan", "probe", "ready", "labels", "moderation", "transcript", "completed"} <= stages.keys()
    [uploads] = [topic for topic in found["topics"] if topic["topic"] == "media.uploaded"]
    assert uploads["records"] > 0
    scan = stages["scan"]
    assert scan["finished"] + scan["lag"] >= uploads["records"]


def test_stage_without_a_worker_lags_until_one_starts(cluster: Cluster, tmp_path: Path) -> None:
    of = cluster.asset("lag.txt")

    def removals() -> dict[str, Any]:
        [found] = [each for each in cluster.json("status", "--json")["stages"] if each["stage"] == "removals"]
        return dict(found)

    with headrace(cluster.environment, tmp_path, "worker", "removals") as worker:
        worker.ready()
        assert removals()["members"] == 1
        assert worker.stop() == 0
    before = removals()
    assert before["members"] == 0
    cluster.say(MediaDeleted(asset=of, event_name="ObjectRemoved:Delete", deleted_at=NOW, region="us-east-1"))
    behind = removals()
    assert (behind["lag"], behind["lag_seconds"] > 0) == (1, True)
    with headrace(cluster.environment, tmp_path, "worker", "removals", "--json-logs") as worker:
        wait_for(lambda: not removals()["lag"], "the lag to be worked off")
        assert worker.stop() == 0
    after = removals()
    assert (after["finished"], after["lag_seconds"]) == (before["finished"] + 1, 0.0)
    assert all(json.loads(line) for line in worker.log.read_text().splitlines())


def test_watch_prints_finished_stages_until_ctrl_c(cluster: Cluster, tmp_path: Path) -> None:
    of = cluster.asset("watched.txt")
    cluster.say(uploaded(of))
    with headrace(cluster.environment, tmp_path, "watch", "watched.*") as watch:
        cluster.say(scanned(of))
        watch.ready(f"{cluster.bucket}/watched.txt scan done harmless image/jpeg")
        watch.process.send_signal(signal.SIGINT)
        assert watch.process.wait(100) == 130
    assert "Traceback" not in watch.log.read_text()


def test_doctor_passes_on_a_healthy_cluster(cluster: Cluster) -> None:
    result = cluster.run("doctor")
    assert result.returncode == 0, result.stdout
    well = [line.split()[1] for line in result.stdout.splitlines() if line.startswith("ok")]
    assert {"settings:", "broker:", "topics:", "schemas:", "media", "results", "queue:", "ffmpeg:"} <= set(well)


@pytest.mark.parametrize(
    ("variable", "value", "part"),
    [
        ("HEADRACE_MEDIA_BUCKET", "no-such-bucket", "media bucket"),
        ("HEADRACE_JOBS_TOPIC_ARN", "", "Rekognition topic"),
        ("HEADRACE_CLAMD", "127.0.0.1:9", "clamd"),
        ("HEADRACE_REPLICATION_FACTOR", "3", "copies"),
    ],
)
def test_doctor_names_failures_and_fixes(cluster: Cluster, variable: str, value: str, part: str) -> None:
    result = run({**cluster.environment, variable: value}, "doctor")
    assert result.returncode == 1
    lines = result.stdout.splitlines()
    [wrong] = [number for number, line in enumerate(lines) if line.startswith("failed")]
    assert lines[wrong].startswith(f"failed {part}: ")
    assert lines[wrong + 1].startswith("       -> ")
    assert variable in lines[wrong] + lines[wrong + 1]


def test_received_event_equals_the_sent_event(cluster: Cluster) -> None:
    of = cluster.asset("kept.txt")
    cluster.say(uploaded(of))
    [version] = connect(load_stages()).progress(f"{cluster.bucket}/kept.txt").versions(f"{cluster.bucket}/kept.txt")
    [fact] = version.facts
    assert fact.name == MediaUploaded.EVENT
    assert version.asset == of


def test_subscription_resumes_and_a_new_one_starts_at_the_first_offset(cluster: Cluster) -> None:
    one, other = cluster.asset("sub-one.txt"), cluster.asset("sub-other.txt")
    pattern = json.dumps({"detail": {"asset": {"bucket": [cluster.bucket], "key": [{"prefix": "sub-"}]}}})

    def read(name: str) -> list[str]:
        result = cluster.run(
            "subscribe", name, "--topics", topics.SCANNED.name, "--pattern", pattern, "--idle", "1"
        ).stdout
        return [json.loads(line)["detail"]["asset"]["key"] for line in result.splitlines()]

    mine, theirs = (f"{name}-{uuid.uuid4().hex[:8]}" for name in ("mine", "theirs"))
    cluster.say(scanned(one))
    assert read(mine) == ["sub-one.txt"]
    cluster.say(scanned(other))
    assert read(mine) == ["sub-other.txt"]
    assert read(mine) == []
    assert sorted(read(theirs)) == ["sub-one.txt", "sub-other.txt"]


def test_subscription_to_a_missing_topic_is_rejected(cluster: Cluster) -> None:
    refused = cluster.run("subscribe", "me", "--topics", "media.nothing")
    assert refused.returncode == 1
    assert "unknown topic media.nothing" in refused.stderr
