"""Topics that are deleted, or deleted and created again, below running readers."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import KafkaException

from headrace.console.assets.read_service import ReadService
from headrace.console.kafka.log_reader import LogReader
from headrace.schemas import topics
from headrace.schemas.cloudevents import timestamp
from headrace.schemas.ids import named_id
from headrace.schemas.kafka import clients
from headrace.schemas.kafka.settings import KafkaSettings
from headrace.schemas.serde import codec
from headrace.schemas.serde.codec import to_producer_record
from tests.chaos.support.site import Site, site
from tests.chaos.support.worker import Orders
from tests.support.brokers import Brokers, brokers
from tests.support.process import headrace, run, wait_for
from tests.support.records import NOW, asset, envelope, uploaded
from tests.system.test_lost_records import accounts, put

TOPIC = topics.UPLOADED
WITHIN_SECONDS = 90.0


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Brokers]:
    with brokers(tmp_path_factory.mktemp("recreated-brokers")) as started:
        yield started


class Uploads:
    """The topic of uploads on a cluster of its own, and views of it."""

    def __init__(self, cluster: Brokers, folder: Path) -> None:
        self.settings = KafkaSettings(bootstrap_servers=cluster.bootstrap_servers)
        self.environment = {
            "HEADRACE_BOOTSTRAP_SERVERS": cluster.bootstrap_servers,
            "HEADRACE_REPLICATION_FACTOR": "1",
            "HEADRACE_VIEWS": str(folder / "views"),
        }
        self.folder = folder

    def put(self, *names: str) -> None:
        """Produce uploads."""
        producer = clients.producer(self.settings)
        for name in names:
            event = uploaded(asset(name))
            metadata = envelope(event, id=named_id(name), time=timestamp(NOW), source="headrace/bridge")
            sent = to_producer_record(event, metadata, codec.load())
            producer.produce(sent.topic, sent.value, sent.key, headers=list(sent.headers))
        assert producer.flush(60) == 0

    def delete(self) -> None:
        """Delete the topic."""
        admin = clients.admin(self.settings)
        for future in admin.delete_topics([TOPIC.name]).values():
            future.result(WITHIN_SECONDS)

    def create(self) -> None:
        """Create the topic again."""

        def created() -> bool:
            try:
                return clients.create_topics(clients.admin(self.settings), [TOPIC], 1) == [TOPIC.name]
            except KafkaException:  # it is still being deleted
                return False

        wait_for(created, "the topic to be created again", WITHIN_SECONDS)

    def query(self, statement: str) -> list[Any]:
        """Query the views."""
        with closing(sqlite3.connect(self.folder / "views" / "views.sqlite3")) as connection:
            return connection.execute(statement).fetchall()

    def folded(self) -> set[str]:
        """Return the keys of the folded uploads; none before there are views."""
        if not (self.folder / "views" / "views.sqlite3").exists():
            return set()
        return {key for (key,) in self.query("SELECT key FROM assets")}


@pytest.fixture
def uploads(cluster: Brokers, tmp_path: Path) -> Uploads:
    made = Uploads(cluster, tmp_path)
    applied = run(made.environment, "topics", "apply")
    assert applied.returncode == 0, applied.stderr
    return made


@pytest.mark.timeout(600)
@pytest.mark.parametrize("at_once", [False, True])
def test_projector_goes_on_with_a_topic_that_is_created_again(uploads: Uploads, at_once: bool) -> None:
    before = [f"{at_once}{number}.jpg" for number in range(20)]
    uploads.put(*before)
    with headrace(uploads.environment, uploads.folder, "views", "run") as views:
        wait_for(lambda: set(before) <= uploads.folded(), "the first uploads", WITHIN_SECONDS)
        uploads.delete()
        if not at_once:
            wait_for(lambda: views.says("views_topic_missing"), "the log line of the missing topic", WITHIN_SECONDS)
        uploads.create()
        uploads.put(f"{at_once}-after.jpg")
        wait_for(lambda: f"{at_once}-after.jpg" in uploads.folded(), "the upload to the new topic", WITHIN_SECONDS)
        assert views.process.poll() is None
        gaps = uploads.query(f"SELECT first = next FROM gaps WHERE topic = '{TOPIC.name}'")
    assert gaps
    assert all(gap == (1,) for gap in gaps)
    assert uploads.query(
        "SELECT sum(deliveries) FROM timeline JOIN versions v ON v.id = timeline.version_id"
        f" JOIN assets a ON a.id = asset_id WHERE a.key LIKE '{at_once}%'"
    ) == [(21,)]
    assert "topic created again: media.uploaded/" in run(uploads.environment, "views", "status").stdout


@pytest.mark.timeout(600)
def test_projector_survives_a_broker_that_is_away(cluster: Brokers, uploads: Uploads) -> None:
    with headrace(uploads.environment, uploads.folder, "views", "run") as views:
        uploads.put("one.jpg")
        wait_for(lambda: "one.jpg" in uploads.folded(), "the first upload", WITHIN_SECONDS)
        cluster.kill(0)
        try:
            wait_for(lambda: views.says("dependency_unavailable"), "the log line of the outage", WITHIN_SECONDS)
        finally:
            cluster.start()
        uploads.put("two.jpg")
        wait_for(lambda: "two.jpg" in uploads.folded(), "the second upload", WITHIN_SECONDS)
        assert views.process.poll() is None
        assert views.says("dependency_recovered")


@pytest.mark.timeout(600)
def test_projector_waits_for_a_broker_at_its_start(cluster: Brokers, uploads: Uploads) -> None:
    uploads.put("first.jpg")
    cluster.kill(0)
    try:
        with headrace(uploads.environment, uploads.folder, "views", "run") as views:
            wait_for(lambda: views.says("dependency_unavailable"), "the log line of the outage", WITHIN_SECONDS)
            assert views.process.poll() is None
            cluster.start()
            wait_for(lambda: "first.jpg" in uploads.folded(), "the upload", WITHIN_SECONDS)
    finally:
        cluster.start()
    assert "no Kafka at" not in run(uploads.environment, "views", "status").stderr


@pytest.mark.timeout(600)
def test_stage_records_what_a_deleted_topic_had_and_reads_the_new_one(cluster: Brokers, tmp_path: Path) -> None:
    orders = Orders(
        bootstrap_servers=cluster.bootstrap_servers, folder=str(tmp_path), stage="recreated", reads="recreated.in"
    )
    with site(cluster, orders) as here:
        put(here, "before", 6_000)
        here.fleet.scale(1)
        here.wait(lambda: here.watch.look() and finished(here) > 200, "some records to be finished", WITHIN_SECONDS)
        admin = clients.admin(here.settings)
        ends = {place: span.high for place, span in LogReader(here.settings).spans([orders.reads]).items()}
        admin.delete_topics([orders.reads])[orders.reads].result(WITHIN_SECONDS)
        logs = [*tmp_path.glob("worker-*.log")]
        here.wait(
            lambda: any("topic_deleted" in log.read_text() for log in logs),
            "the log line of the deleted topic",
            WITHIN_SECONDS,
        )
        here.wait(lambda: create(here), "the topic to be created again", WITHIN_SECONDS)
        put(here, "after", 5)
        here.wait(lambda: here.idle() and finished(here) == 5, "the records of the new topic", WITHIN_SECONDS)
        here.fleet.scale(0)

        losses = ReadService(LogReader(here.settings), [here.stage]).losses()
        assert losses
        assert all(loss.end == ends[loss.topic, loss.partition] and loss.begin < loss.end for loss in losses)
        assert here.accounts().accounts[0].unaccounted == 0


def finished(here: Site) -> int:
    """Count the outcomes in the committed offsets."""
    return sum(account.finished for account in accounts(here))


def create(here: Site) -> bool:
    """Create the input topic, if the old one is deleted."""
    try:
        return bool(clients.create_topics(clients.admin(here.settings), here.stage.inputs, 1))
    except KafkaException:
        return False
