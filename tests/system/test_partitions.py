"""More partitions for topics with records: nothing is lost, and no key is overtaken."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from confluent_kafka import Consumer
from typer.testing import CliRunner, Result

from headrace.console.app.main import app
from headrace.console.kafka.consumer_groups import ConsumerGroups
from headrace.console.kafka.log_reader import LogReader
from headrace.console.routing.stages import load_stages
from headrace.schemas.kafka import clients
from headrace.schemas.kafka.settings import KafkaSettings
from tests.support.brokers import Brokers, brokers
from tests.support.process import wait_for

READY = "media.ready"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Brokers]:
    with brokers(tmp_path_factory.mktemp("partition-brokers"), 1) as started:
        yield started


@pytest.fixture
def settings(cluster: Brokers, monkeypatch: pytest.MonkeyPatch) -> KafkaSettings:
    monkeypatch.setenv("HEADRACE_BOOTSTRAP_SERVERS", cluster.bootstrap_servers)
    monkeypatch.setenv("HEADRACE_REPLICATION_FACTOR", "1")
    monkeypatch.delenv("HEADRACE_PIPELINE", raising=False)
    return KafkaSettings(bootstrap_servers=cluster.bootstrap_servers)


def apply(*options: str, partitions: str = "") -> Result:
    env = {"HEADRACE_PARTITIONS": partitions, "COLUMNS": "200"}
    return CliRunner().invoke(app, ["topics", "apply", *options], env=env)


def test_partitions_are_added_once_all_records_are_finished(settings: KafkaSettings) -> None:
    assert apply(partitions="2").exit_code == 0
    log, groups = LogReader(settings), ConsumerGroups(settings)
    producer = clients.producer(settings)
    for number in range(10):
        producer.produce(READY, b"value", str(number).encode())
    producer.flush()

    planned = apply("--partitions", partitions="2,media.ready=6")
    assert planned.exit_code == 0
    assert "labels: 10 unfinished records of media.ready" in planned.stdout
    assert log.topics()[READY] == 2

    refused = apply("--partitions", "--execute", partitions="2,media.ready=6")
    assert refused.exit_code != 0
    assert "no partition was added" in refused.stderr
    assert log.topics()[READY] == 2

    ends = {place: span.high for place, span in log.spans([READY]).items()}
    for stage in load_stages():
        if READY in {topic.name for topic in stage.reads}:
            groups.move(stage.group, ends)
    done = apply("--partitions", "--execute", "--wait", "60", partitions="2,media.ready=6")
    assert done.exit_code == 0, done.stderr
    assert log.topics()[READY] == 6
    assert {place: span.high for place, span in log.spans([READY]).items() if place in ends} == ends
    assert "no topic gets more partitions" in apply("--partitions", partitions="2,media.ready=6").stdout


def test_running_consumers_are_in_the_way(settings: KafkaSettings) -> None:
    assert apply(partitions="2,media.ready=6").exit_code == 0
    consumer = Consumer({"bootstrap.servers": settings.bootstrap_servers, "group.id": "headrace.probe"})
    consumer.subscribe(["media.uploaded"])
    try:
        wait_for(lambda: (consumer.poll(0.1), consumer.assignment())[1], "the consumer has joined")
        refused = apply("--partitions", "--execute", partitions="2,media.ready=6,media.uploaded=3")
        assert "probe: stop its workers, 1 consumer runs" in refused.stderr
        assert refused.exit_code != 0
    finally:
        consumer.close()
    done = apply("--partitions", "--execute", "--wait", "60", partitions="2,media.ready=6,media.uploaded=3")
    assert done.exit_code == 0, done.stderr
    assert LogReader(settings).topics()["media.uploaded"] == 3


def test_options_without_a_plan_are_an_error() -> None:
    result = apply("--execute")
    assert result.exit_code != 0
    assert "belong to --partitions" in result.stderr
