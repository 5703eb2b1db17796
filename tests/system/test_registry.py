"""Bridge and worker beside a schema registry: the double of tests/support, which speaks Confluent's HTTP API."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from headrace.console.kafka.log_reader import LogReader
from headrace.schemas import topics
from headrace.schemas.kafka import clients
from headrace.schemas.kafka.settings import KafkaSettings
from headrace.schemas.messages import ProducerRecord
from headrace.schemas.records import MediaDeleted
from headrace.schemas.serde import catalog, registry
from headrace.schemas.serde.catalog import SchemaVersion
from headrace.schemas.serde.codec import Codec, to_producer_record
from tests.support.fake_schema_registry import RegistryDouble, registry_double
from tests.support.process import headrace, run, wait_for
from tests.support.records import NOW, asset, envelope
from tests.system.test_bridge import Site

GROUP = "headrace.removals"


@pytest.fixture
def double() -> Iterator[RegistryDouble]:
    with registry_double() as double:
        yield double


@pytest.fixture
def environment(cluster_env: dict[str, str], double: RegistryDouble) -> dict[str, str]:
    return {**cluster_env, "HEADRACE_SCHEMA_REGISTRY": double.url}


def cluster(environment: dict[str, str]) -> KafkaSettings:
    names = ("bootstrap_servers", "schema_registry")
    return KafkaSettings(**{name: environment[f"HEADRACE_{name.upper()}"] for name in names})  # type: ignore[arg-type]


def newer() -> tuple[SchemaVersion, ...]:
    """The schemas of an installation that is newer than this one."""
    schema = copy.deepcopy(catalog.latest(catalog.versions())["MediaDeleted"].schema)
    schema["fields"].append({"name": "reason", "type": "string", "doc": "New.", "default": ""})
    return (*catalog.versions(), SchemaVersion("MediaDeleted", 2, schema))


def removal(book: Codec) -> ProducerRecord:
    event = MediaDeleted(asset=asset(), event_name="ObjectRemoved:Delete", deleted_at=NOW, region="us-east-1")
    return to_producer_record(event, envelope(event), book)


def send(settings: KafkaSettings, sent: ProducerRecord) -> None:
    producer = clients.producer(settings)
    producer.produce(sent.topic, sent.value, sent.key, headers=list(sent.headers))
    assert producer.flush(20) == 0


def test_bridge_waits_for_schemas_and_frames_records_with_their_ids(
    environment: dict[str, str], tmp_path: Path
) -> None:
    site = Site(environment)
    queue = site.queue("registered")
    site.send(queue, [site.notification("a.jpg")])
    with site.bridge(tmp_path, queue) as bridge:
        wait_for(lambda: bridge.says("MediaUploaded v1"), "the bridge to say what the registry lacks")
        assert site.waiting(queue) == (1, 0)
        done = run(environment, "schemas", "register")
        assert done.returncode == 0, done.stderr
        ours = site.name.encode()
        found = wait_for(lambda: site.arrived(lambda each: each.key().startswith(ours)), "the upload on the log")
        assert bridge.stop() == 0
    site._consumer.close()
    [upload] = found
    assert upload.value()[:1] == b"\x00"
    event = registry.create_codec(cluster(environment)).decode_or_fetch(upload.value())
    assert event.asset.key == "a.jpg"  # type: ignore[union-attr]


def test_worker_pauses_during_a_registry_outage_without_loss(
    environment: dict[str, str], double: RegistryDouble, tmp_path: Path
) -> None:
    settings = cluster(environment)
    connected = registry.create_client(settings)
    assert connected is not None
    connected.register(newer())
    book = Codec(newer(), connected)
    book.load_schema_ids()
    sent, log, letters = removal(book), LogReader(settings), topics.dead_letters("removals").name
    assert double.schemas[int.from_bytes((sent.value or b"")[1:5], "big")]["schema"] == json.dumps(newer()[-1].schema)

    def committed() -> int:
        return sum(log.groups({GROUP: log.spans([topics.DELETED.name])})[GROUP].committed.values())

    def dead() -> int:
        return sum(span.high for span in log.spans([letters]).values())

    with headrace(environment, tmp_path, "worker", "removals") as worker:
        worker.ready()
        double.down()
        before = dead()
        send(settings, sent)
        wait_for(lambda: worker.says(f"no schema registry at {double.url}"), "the stage to say why it waits")
        waiting = committed()
        double.up()
        wait_for(lambda: worker.says("stage_resumed"), "the stage to go on")
        wait_for(lambda: committed() == waiting + 1, "the record's offset to be committed")
        assert worker.stop() == 0
    assert dead() == before
