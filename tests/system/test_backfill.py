"""Objects that were there before, from a real bucket onto a real broker."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import OFFSET_BEGINNING, TopicPartition

from headrace.connectors.aws.client import AwsSession
from headrace.connectors.backfill.listing import ListedObject, ListingError, objects, open_prefix
from headrace.console.kafka.topic_reader import TopicReader
from headrace.schemas import topics
from headrace.schemas.cloudevents import from_headers
from headrace.schemas.kafka import clients
from headrace.schemas.kafka.settings import KafkaSettings
from headrace.schemas.records import MediaUploaded
from headrace.schemas.serde import codec
from tests.support.aws_clients import new_client
from tests.support.otlp_receiver import otlp_receiver
from tests.support.process import headrace, run, wait_for

BOOK = codec.load()
ODD_KEYS = ["a b.jpg", "a+b.jpg", "100%.jpg", "%2B %.jpg", "zażółć/日本語.mp4", "../../up.jpg", "\U0001f3ac.mp4"]


class Bucket:
    """A bucket of one test's own, and what is on the log of it."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.name = f"b{uuid.uuid4().hex[:12]}"
        self.environment = environment
        self.s3 = new_client("s3")
        self.s3.create_bucket(Bucket=self.name)
        cluster = KafkaSettings(bootstrap_servers=environment["HEADRACE_BOOTSTRAP_SERVERS"])
        self.consumer = clients.simple_consumer(cluster)
        name = topics.UPLOADED.name
        partitions = clients.partition_counts(clients.admin(cluster))[name]
        self.consumer.assign([TopicPartition(name, number, OFFSET_BEGINNING) for number in range(partitions)])
        self._uploads: list[tuple[str, MediaUploaded]] = []

    def keep_versions(self) -> None:
        self.s3.put_bucket_versioning(Bucket=self.name, VersioningConfiguration={"Status": "Enabled"})

    def put(self, *keys: str) -> list[Any]:
        return [self.s3.put_object(Bucket=self.name, Key=key, Body=b"12345") for key in keys]

    def uploads(self) -> list[tuple[str, MediaUploaded]]:
        """What is on the log by now: id and event."""
        for each in self.consumer.consume(10_000, 0.5):
            if each.error() is None and (each.key() or b"").startswith(f"{self.name}/".encode()):
                event = BOOK.decode(each.value())
                assert isinstance(event, MediaUploaded)
                headers: Any = each.headers()
                self._uploads.append((from_headers(headers).id, event))
        return self._uploads

    def is_saved(self) -> bool:
        """Whether the log says how far a backfill of the bucket has come."""
        log = TopicReader(KafkaSettings(bootstrap_servers=self.environment["HEADRACE_BOOTSTRAP_SERVERS"]))
        batches = log.read(log.spans([topics.BACKFILLS.name]), values=True)
        return any(self.name.encode() in (each.value or b"") for batch in batches for each in batch)

    def keys(self) -> list[str]:
        return sorted(event.asset.key for _, event in self.uploads())

    def backfill(self, *arguments: str, prefix: str = "") -> Any:
        return run(self.environment, "backfill", f"s3://{self.name}/{prefix}", *arguments)


@pytest.fixture
def bucket(cloud_env: dict[str, str]) -> Iterator[Bucket]:
    bucket = Bucket(cloud_env)
    yield bucket
    bucket.consumer.close()


def test_each_object_is_sent_once_and_a_second_run_sends_nothing(bucket: Bucket) -> None:
    keys = [f"in/{number:03}.jpg" for number in range(40)]
    bucket.put(*keys, "in/notes.txt", "other/a.jpg")

    first = bucket.backfill("--suffix", ".JPG", prefix="in/")
    second = bucket.backfill("--suffix", ".jpg", prefix="in/")

    assert first.returncode == second.returncode == 0, first.stderr + second.stderr
    assert first.stdout == "41 listed = 40 sent (200 B) + 1 filtered (suffix 1)\n"
    assert second.stdout.startswith("already complete: 41 listed")
    wait_for(lambda: len(bucket.keys()) >= 40, "40 uploads")
    assert bucket.keys() == keys
    assert {event.origin for _, event in bucket.uploads()} == {"backfill"}


@pytest.mark.each_emulator
def test_each_asset_is_a_trace_that_begins_with_its_backfill(bucket: Bucket) -> None:
    bucket.put("a.jpg", "b.jpg")
    with otlp_receiver() as traces:
        done = run(
            {**bucket.environment, "OTEL_EXPORTER_OTLP_ENDPOINT": traces.url}, "backfill", f"s3://{bucket.name}/"
        )
        assert done.returncode == 0, done.stderr
        spans = traces.find("backfill publish")
    assert {(span.trace, span.parent, span.service) for span in spans} == {
        (id_.replace("-", ""), "", "headrace-backfill") for id_, _ in bucket.uploads()
    }
    assert len(spans) == 2


def test_restarted_backfill_produces_the_same_ids(bucket: Bucket) -> None:
    bucket.put(*ODD_KEYS)

    for _ in range(2):
        assert bucket.backfill("--restart").returncode == 0

    wait_for(lambda: len(bucket.keys()) >= 2 * len(ODD_KEYS), "every upload twice")
    assert bucket.keys() == sorted(2 * ODD_KEYS)
    assert len({id_ for id_, _ in bucket.uploads()}) == len(ODD_KEYS)


def test_killed_backfill_resumes_without_gaps(bucket: Bucket, tmp_path: Path) -> None:
    keys = [f"{number:03}.jpg" for number in range(80)]
    bucket.put(*keys)
    command = ("backfill", f"s3://{bucket.name}", "--rate", "10")

    with headrace(bucket.environment, tmp_path, *command) as running:
        # It saves every second, and has several seconds to go when it has saved once.
        wait_for(lambda: bucket.is_saved() or running.process.poll() is not None, "the cursor to be saved")
        running.kill()
    again = bucket.backfill()

    assert again.returncode == 0, again.stderr
    assert "resuming after " in again.stderr
    assert again.stdout.startswith("80 listed = 80 sent")
    wait_for(lambda: len(set(bucket.keys())) == 80, "every key")
    assert len({id_ for id_, _ in bucket.uploads()}) == 80
    assert len(bucket.keys()) < 150, "it began from the start"


def test_dry_run_counts_and_sends_nothing(bucket: Bucket) -> None:
    bucket.put("a.jpg", "b.mp4", "c.txt")

    dry = bucket.backfill("--dry-run", "--max-size", "5")
    real = bucket.backfill("--max-size", "5")

    assert dry.stdout.splitlines()[0] == f"dry run: {real.stdout.strip()}"
    assert "1 image file, 5 B: $0.00" in dry.stdout
    wait_for(lambda: len(bucket.keys()) >= 3, "the uploads of the real run")
    assert bucket.keys() == ["a.jpg", "b.mp4", "c.txt"]


@pytest.mark.moto_lacks("it lists no version from before a bucket kept versions")
def test_versioned_bucket_sends_only_current_versions(bucket: Bucket) -> None:
    bucket.put("before.jpg")
    bucket.keep_versions()
    bucket.put("twice.jpg", "gone.jpg")
    (newest,) = bucket.put("twice.jpg")
    bucket.s3.delete_object(Bucket=bucket.name, Key="gone.jpg")

    assert bucket.backfill().stdout.startswith("2 listed = 2 sent")

    wait_for(lambda: len(bucket.keys()) >= 2, "both uploads")
    versions = {event.asset.key: event.asset.version_id for _, event in bucket.uploads()}
    assert versions == {"before.jpg": None, "twice.jpg": newest["VersionId"]}


@pytest.mark.moto_lacks("its next page of versions starts at the key marker, not behind it")
def test_paginated_listing_returns_each_object_once(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("headrace.connectors.backfill.listing.PAGE", 3)
    bucket.put(*ODD_KEYS)

    aws = AwsSession()

    def listed(after: str = "") -> list[ListedObject]:
        return list(objects(aws, open_prefix(aws, f"s3://{bucket.name}"), after))

    plain = listed()
    assert [each.key for each in plain] == sorted(ODD_KEYS)
    assert listed(after=plain[3].key) == plain[4:]
    bucket.keep_versions()
    for _ in range(4):
        bucket.put(*ODD_KEYS)
    assert [each.key for each in listed()] == sorted(ODD_KEYS)


def test_missing_bucket_is_named(bucket: Bucket) -> None:
    with pytest.raises(ListingError, match="there is no bucket headrace-none"):
        open_prefix(AwsSession(), "s3://headrace-none/a")


def test_invalid_input_prints_one_line(cluster_env: dict[str, str]) -> None:
    for arguments, said in (
        (["media/a"], "'media/a' is no address of a bucket: write s3://bucket or s3://bucket/prefix"),
        (["s3://headrace-none"], "there is no bucket headrace-none"),
        (["s3://media", "--since", "soon"], "--since soon: invalid time. Use 2026-03-14 or 2026-03-14T15:09:26Z"),
    ):
        done = run(cluster_env, "backfill", *arguments)
        assert (done.returncode, done.stderr, done.stdout) == (1, f"{said}\n", "")


def test_kafka_outage_names_the_bootstrap_servers(bucket: Bucket) -> None:
    nowhere = {**bucket.environment, "HEADRACE_BOOTSTRAP_SERVERS": "127.0.0.1:9"}
    said = "no Kafka at 127.0.0.1:9: start it, or correct HEADRACE_BOOTSTRAP_SERVERS\n"

    done = run(nowhere, "backfill", f"s3://{bucket.name}")

    assert (done.returncode, done.stderr) == (1, said)
