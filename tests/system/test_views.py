"""`headrace views` against a real broker."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from headrace.connectors.aws.client import AwsSession
from headrace.console.views.tables import SCHEMA_NUMBER
from headrace.schemas.cloudevents import timestamp
from headrace.schemas.ids import named_id
from headrace.schemas.kafka import clients
from headrace.schemas.kafka.settings import KafkaSettings
from headrace.schemas.records import Event
from headrace.schemas.serde import codec
from headrace.schemas.serde.codec import to_producer_record
from headrace.streams.results import ResultsStore
from tests.support.fake_services import MemoryBucket
from tests.support.process import headrace, run, wait_for
from tests.support.records import NOW, asset, envelope, scanned, uploaded


class ViewsOfCluster:
    """The session's cluster, and views in a folder of their own."""

    def __init__(self, environment: dict[str, str], folder: Path) -> None:
        self.environment = {**environment, "HEADRACE_VIEWS": str(folder)}
        self.folder = folder
        self._producer = clients.producer(KafkaSettings(bootstrap_servers=environment["HEADRACE_BOOTSTRAP_SERVERS"]))

    def say(self, event: Event) -> None:
        """Produce an event."""
        metadata = envelope(event, id=named_id(str(event)), time=timestamp(NOW), source="headrace/scan")
        sent = to_producer_record(event, metadata, codec.load())
        self._producer.produce(sent.topic, sent.value, sent.key, headers=list(sent.headers))
        assert self._producer.flush(10) == 0

    def run(self, *arguments: str, code: int = 0) -> Any:
        """Run a command."""
        done = run(self.environment, *arguments)
        assert done.returncode == code, done.stderr
        return done

    def query(self, statement: str) -> list[Any]:
        """Query the current file."""
        connection = sqlite3.connect(self.folder / "views.sqlite3")
        try:
            return connection.execute(statement).fetchall()
        finally:
            connection.close()


@pytest.fixture
def views(cluster_env: dict[str, str], tmp_path: Path) -> ViewsOfCluster:
    return ViewsOfCluster(cluster_env, tmp_path / "views")


def test_views_are_built_kept_up_to_date_and_rebuilt(views: ViewsOfCluster) -> None:
    views.say(uploaded(asset("views/one.jpg")))
    views.run("views", "run", "--once")
    views.say(scanned(asset("views/one.jpg")))
    views.run("views", "run", "--once")
    before = views.query(
        "SELECT event, deliveries FROM timeline JOIN versions v ON v.id = timeline.version_id"
        " JOIN assets a ON a.id = asset_id WHERE a.key = 'views/one.jpg' ORDER BY event"
    )
    status = json.loads(views.run("views", "status", "--json").stdout)
    views.run("views", "rebuild")

    assert before == [("MediaScanned", 1), ("MediaUploaded", 1)]
    assert status["lag"] == 0
    assert [each["records"] > 0 for each in status["topics"] if each["topic"] == "media.scanned"] == [True]
    assert [file.name for file in views.folder.glob("views-*.sqlite3")] == ["views-2.sqlite3"]
    assert views.query("SELECT count(*) FROM assets WHERE key = 'views/one.jpg'") == [(1,)]
    assert "1 assets compared: 0 rows differ" in views.run("views", "verify", "--sample", "1").stdout
    assert "0 records behind the log" in views.run("views", "status").stdout
    assert "deleted" in views.run("views", "drop", "--yes").stdout
    assert "headrace views run" in views.run("views", "status", code=1).stderr


def test_second_projector_on_sqlite_is_rejected_and_a_running_one_follows_a_rebuild(views: ViewsOfCluster) -> None:
    views.run("views", "run", "--once")
    with headrace(views.environment, views.folder, "views", "run") as running:
        running.ready("views in")
        wait_for(lambda: str(running.process.pid) in (views.folder / "run.lock").read_text(), "the lock")
        second = views.run("views", "run", code=1).stderr
        views.run("views", "rebuild")
        views.say(uploaded(asset("views/after.jpg")))
        found = "SELECT count(*) FROM assets WHERE key = 'views/after.jpg'"
        wait_for(lambda: views.query(found) == [(1,)], "the new asset")
        assert running.stop() == 128 + signal.SIGTERM

    assert "SQLite has one writer" in second
    assert "HEADRACE_VIEWS=postgresql" in second


def test_running_projector_replaces_views_whose_file_was_deleted(views: ViewsOfCluster) -> None:
    views.say(uploaded(asset("views/deleted.jpg")))
    found = "SELECT count(*) FROM assets WHERE key IN ('views/deleted.jpg', 'views/later.jpg')"
    with headrace(views.environment, views.folder.parent, "views", "run") as running:
        link = views.folder / "views.sqlite3"
        wait_for(lambda: link.exists() and views.query(found) == [(1,)], "the first asset")
        for file in views.folder.glob("views-*"):
            file.unlink()
        views.say(uploaded(asset("views/later.jpg")))
        wait_for(lambda: link.exists() and views.query(found) == [(2,)], "new views with both assets")
        assert running.process.poll() is None


def test_damaged_views_are_reported_with_the_commands_that_replace_them(views: ViewsOfCluster) -> None:
    views.run("views", "run", "--once")
    file = (views.folder / "views.sqlite3").resolve()
    for each in views.folder.glob("views-*-*"):
        each.unlink()
    file.write_bytes(b"no database" * 10_000)

    assert "headrace views drop" in views.run("views", "run", "--once", code=1).stderr
    assert "--from-log" in views.run("assets", "list", code=1).stderr
    views.run("views", "drop", "--yes")
    views.run("views", "run", "--once")


def test_views_of_another_cluster_are_rejected(views: ViewsOfCluster) -> None:
    views.run("views", "run", "--once")
    connection = sqlite3.connect(views.folder / "views.sqlite3")
    connection.execute("UPDATE properties SET value = 'elsewhere' WHERE name IN ('cluster', 'servers')")
    connection.commit()
    connection.close()

    assert "are of the cluster at elsewhere" in views.run("views", "run", "--once", code=1).stderr


def test_views_of_an_older_version_are_built_anew_and_those_of_a_newer_one_are_kept(views: ViewsOfCluster) -> None:
    views.run("views", "run", "--once")
    set_schema(views, SCHEMA_NUMBER - 1)
    assert "builds them anew" in views.run("views", "status", code=1).stderr
    views.run("views", "run", "--once")
    views.run("views", "status")

    set_schema(views, SCHEMA_NUMBER + 1)
    rejected = views.run("views", "run", "--once", code=1).stderr
    assert f"schema {SCHEMA_NUMBER + 1} of a newer version" in rejected
    assert "headrace views rebuild" in rejected
    views.run("views", "rebuild")
    views.run("views", "status")


def set_schema(views: ViewsOfCluster, number: int) -> None:
    """Make the views those of another version."""
    with closing(sqlite3.connect(views.folder / "views.sqlite3")) as connection:
        connection.execute("UPDATE properties SET value = ? WHERE name = 'schema'", (str(number),))
        connection.commit()


def test_results_that_the_log_does_not_have_are_restored_from_the_bucket(views: ViewsOfCluster) -> None:
    of = asset("views/expired.jpg")
    metadata = envelope(scanned(of), id="s1", time=timestamp(NOW), source="headrace/scan", correlation_id="u1")
    bucket = MemoryBucket()
    asyncio.run(ResultsStore(bucket).put(of, "scan@1", scanned(of), metadata, "u1"))
    [(key, content)] = bucket.objects.items()
    aws = AwsSession()
    where = views.environment["HEADRACE_RESULTS_BUCKET"]
    aws.call_once("s3", "put_object", Bucket=where, Key=key, Body=content)
    printed = views.run("views", "rebuild", "--from-store").stdout
    found = "SELECT event, event_id, deliveries FROM timeline WHERE event_id IN ('s1', 'u1') ORDER BY event"

    [restored] = re.findall(r" (\d+) expired events", printed)
    assert int(restored) >= 2  # the bucket has results of other tests, too
    assert views.query(found) == [("MediaScanned", "s1", 0), ("MediaUploaded", "u1", 0)]
    assert "views/expired.jpg" in views.run("assets", "list", "--prefix", "views/expired").stdout
    aws.call_once("s3", "delete_object", Bucket=where, Key=key)
    views.environment["HEADRACE_RESULTS_BUCKET"] = "no-such-bucket"
    assert "there is no bucket no-such-bucket" in views.run("views", "rebuild", "--from-store", code=1).stderr
    assert views.query(found) == [("MediaScanned", "s1", 0), ("MediaUploaded", "u1", 0)]
