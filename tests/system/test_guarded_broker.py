"""Headrace on a broker that wants TLS, a login and least privilege."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer
from confluent_kafka import KafkaError, KafkaException, TopicCollection
from confluent_kafka.admin import TopicDescription  # type: ignore[attr-defined]
from faust.transport.drivers.aiokafka import credentials_to_aiokafka_auth

from headrace.connectors import readiness
from headrace.connectors.aws.client import AwsSession
from headrace.connectors.backfill import checkpoint
from headrace.console import doctor
from headrace.console.check_runner import run_checks
from headrace.console.kafka.admin import KafkaAdmin
from headrace.console.kafka.topic_reader import TopicReader
from headrace.console.pipeline.acls import AclRule, AclScope, roles
from headrace.console.replay.groups import redrive_group
from headrace.schemas import topics
from headrace.schemas.ids import root_id
from headrace.schemas.kafka import clients, msk_iam
from headrace.schemas.kafka.settings import KafkaSettings
from headrace.schemas.messages import ProducerRecord
from headrace.schemas.records import MediaDeleted
from headrace.schemas.serde import catalog, codec
from headrace.schemas.serde.catalog import SchemaVersion
from headrace.schemas.serde.codec import to_producer_record
from headrace.schemas.serde.schema_topic import SchemasNotPublishedError, publish_missing_schemas
from headrace.streams import pipeline
from headrace.streams.kafka.faust_app import credentials
from tests.support.fake_sns import Authority
from tests.support.process import headrace, run, wait_for
from tests.support.records import NOW, asset, envelope
from tests.support.secured_broker import Guarded, guarded_broker, unsecured_token

STAGES = pipeline.stages()
ROLES = roles(AclScope(STAGES, redrive_groups=[redrive_group(stage.name) for stage in STAGES]))
TOPICS = sorted(topic.name for topic in topics.table(stage.name for stage in STAGES))


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    """The broker, with every topic, and with a user for each role who may do what `headrace topics acls` says."""
    with guarded_broker(tmp_path_factory.mktemp("guarded")) as broker:
        broker.admit("admin")
        for name, rules in ROLES.items():
            broker.admit(name)
            broker.allow(name, rules)
        done = run(broker.variables("topics"), "topics", "apply")
        assert done.returncode == 0, done.stderr
        yield broker


def settings(guarded: Guarded, user: str, password: str = "secret") -> KafkaSettings:
    variables = guarded.variables(user, password)
    return KafkaSettings(**{name.removeprefix("HEADRACE_").lower(): value for name, value in variables.items()})  # type: ignore[arg-type]


def send(cluster: KafkaSettings) -> KafkaError | None:
    """Put a record on the log, as the bridge does, and give what the broker has against it."""
    event = MediaDeleted(asset=asset(), event_name="ObjectRemoved:Delete", deleted_at=NOW, region="us-east-1")
    sent = to_producer_record(event, envelope(event, id=root_id(event.asset, event.event_name)), codec.load())
    answers: list[KafkaError | None] = []
    producer = clients.producer(cluster)
    producer.produce(
        sent.topic, sent.value, sent.key, headers=list(sent.headers), on_delivery=lambda error, _: answers.append(error)
    )
    assert producer.flush(20) == 0
    return answers[0]


def test_stage_needs_only_its_acls(guarded: Guarded, cluster_env: dict[str, str], tmp_path: Path) -> None:
    assert send(settings(guarded, "bridge")) is None

    with headrace({**cluster_env, **guarded.variables("removals")}, tmp_path, "worker", "removals") as worker:
        worker.ready()
        log = KafkaAdmin(settings(guarded, "admin"))
        group = "headrace.removals"
        wait_for(lambda: committed(log, group) > 0, "the record's offset to be committed")
        assert worker.stop() == 0


def test_offset_waits_for_a_forbidden_dead_letter(
    guarded: Guarded, cluster_env: dict[str, str], tmp_path: Path
) -> None:
    letters, group = topics.dead_letters("removals").name, "headrace.removals"
    guarded.admit("silent")
    guarded.allow("silent", [rule for rule in ROLES["removals"] if rule != AclRule("topic", letters, "Write")])
    guarded.allow("silent", [AclRule("topic", letters, "Describe")])
    log = KafkaAdmin(settings(guarded, "admin"))
    before = committed(log, group)
    log.write([ProducerRecord(topics.DELETED.name, b"b/junk.jpg", b"junk")])
    with headrace({**cluster_env, **guarded.variables("silent")}, tmp_path, "worker", "removals") as worker:
        wait_for(lambda: "Topic authorization failed" in worker.log.read_text(), "the stage to say why it waits", 40)
        assert committed(log, group) == before
        guarded.allow("silent", [AclRule("topic", letters, "Write")])
        wait_for(lambda: committed(log, group) == before + 1, "the record's offset to be committed", 60)
        assert worker.stop() == 0
    found = [record for batch in log.read(log.spans([letters]), values=True) for record in batch]
    assert [(each.key, each.value) for each in found] == [(b"b/junk.jpg", b"junk")]


def committed(log: KafkaAdmin, group: str) -> int:
    """Sum up how far a group is in what the stage reads."""
    return sum(each.offset for each in log.positions(group, log.spans([topics.DELETED.name])).values())


@pytest.mark.parametrize("role", ROLES)
def test_broker_permits_a_role_what_the_table_says_and_nothing_else(guarded: Guarded, role: str) -> None:
    """The broker itself lists what it permits the user of the role on every topic."""
    expected: dict[str, set[str]] = {name: set() for name in TOPICS}
    for rule in ROLES[role]:
        if rule.resource == "topic":
            expected[rule.name] |= {rule.operation.upper(), "DESCRIBE"} - (
                {"DESCRIBE"} if rule.operation == "Create" else set()
            )

    client = clients.admin(settings(guarded, role))
    described = client.describe_topics(TopicCollection(TOPICS), include_authorized_operations=True)

    assert {name: permitted(future) for name, future in described.items()} == {
        name: operations if "DESCRIBE" in operations else set() for name, operations in expected.items()
    }


def permitted(future: Future[TopicDescription]) -> set[str]:
    """Return the operations that the broker permits; none if the topic is hidden."""
    try:
        return {operation.name for operation in future.result().authorized_operations or ()} - {"DESCRIBE_CONFIGS"}
    except KafkaException as error:
        if error.args[0].code() != KafkaError.TOPIC_AUTHORIZATION_FAILED:
            raise
        return set()


def test_console_reads_but_does_not_move_offsets(guarded: Guarded) -> None:
    place, group = (topics.DELETED.name, 0), "headrace.removals"
    KafkaAdmin(settings(guarded, "admin")).move("headrace.removals", {place: 0})
    log = KafkaAdmin(settings(guarded, "console"))

    assert log.positions(group, [place])[place].offset == 0
    with pytest.raises(KafkaException, match="GROUP_AUTHORIZATION_FAILED"):
        log.move(group, {place: 0})


def test_operator_moves_offsets_but_writes_no_events(guarded: Guarded) -> None:
    place = (topics.DELETED.name, 0)
    log = KafkaAdmin(settings(guarded, "operator"))
    log.move("headrace.removals", {place: 0})

    assert log.positions("headrace.removals", [place])[place].offset == 0
    refused = send(settings(guarded, "operator"))
    assert refused is not None
    assert refused.code() == KafkaError.TOPIC_AUTHORIZATION_FAILED


def test_component_without_schemas_names_the_command(guarded: Guarded) -> None:
    """A release with new schemas needs `topics apply` first: components cannot write schemas."""
    added = SchemaVersion("Later", 1, {"type": "record", "name": "Later", "fields": []})

    with pytest.raises(SchemasNotPublishedError, match=r"lacks 1 schemas.*Run .headrace topics apply."):
        publish_missing_schemas(settings(guarded, "bridge"), [*catalog.versions(), added], timeout=10)


def test_bridge_needs_only_its_acls(guarded: Guarded) -> None:
    assert readiness.missing_dependencies(settings(guarded, "bridge"), codec.load()) == ""


def test_backfill_reads_its_checkpoint(guarded: Guarded) -> None:
    assert checkpoint.read(settings(guarded, "backfill"), "none").backfill == "none"


def test_rejects_requests_without_an_acl(guarded: Guarded) -> None:
    refused = send(settings(guarded, "removals"))

    assert refused is not None
    assert refused.code() == KafkaError.TOPIC_AUTHORIZATION_FAILED


def test_doctor_distinguishes_forbidden_from_missing_topics(guarded: Guarded, monkeypatch: pytest.MonkeyPatch) -> None:
    guarded.admit("blind")
    for name, value in guarded.variables("blind").items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("HEADRACE_RESULTS_BUCKET", "b")
    monkeypatch.setenv("HEADRACE_QUEUE_URLS", "https://sqs/1/q")
    found = {
        each.part: each
        for each in run_checks(doctor.checks(pipeline.stages, AwsSession()))
        if each.part in ("broker", "rights", "topics")
    }
    assert (found["broker"].ok, found["rights"].ok, found["topics"].ok) == (True, False, None)
    assert "uthoriz" in found["rights"].message
    assert "headrace topics acls" in found["rights"].remedy


@pytest.mark.parametrize("wrong", ["password", "authority"])
def test_failed_login_names_the_settings_to_check(guarded: Guarded, wrong: str, tmp_path: Path) -> None:
    other = tmp_path / "other.pem"
    other.write_bytes(Authority("another").root.pem)
    cluster = settings(guarded, "admin", "no-secret" if wrong == "password" else "secret")
    if wrong == "authority":
        cluster = cluster.model_copy(update={"kafka_ca_file": str(other)})

    with pytest.raises(KafkaException) as caught:
        clients.partition_counts(clients.admin(cluster), timeout=2)

    text = clients.describe_error(caught.value, cluster)
    assert text.endswith("raise HEADRACE_KAFKA_TIMEOUT_SECONDS, or correct HEADRACE_KAFKA_*")


def test_all_clients_send_msk_iam_tokens(guarded: Guarded, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(msk_iam, "token", lambda region: (unsecured_token("admin"), time.time() + 300))
    monkeypatch.setattr(msk_iam, "region_of", lambda servers: "eu-central-1")
    cluster = KafkaSettings(
        bootstrap_servers=guarded.guarded, kafka_tls=True, kafka_ca_file=str(guarded.ca_file), kafka_sasl="AWS_MSK_IAM"
    )

    async def topics_of_fausts_client() -> set[str]:
        consumer = AIOKafkaConsumer(
            bootstrap_servers=guarded.guarded, **credentials_to_aiokafka_auth(credentials(cluster))
        )
        await consumer.start()
        try:
            return set(await consumer.topics())
        finally:
            await consumer.stop()

    there = clients.partition_counts(clients.admin(cluster)).keys()
    assert topics.UPLOADED.name in there
    assert topics.UPLOADED.name in asyncio.run(topics_of_fausts_client())


@pytest.mark.parametrize("login", ["SCRAM-SHA-512", "AWS_MSK_IAM"])
def test_reads_dead_letters_with_each_sasl_mechanism(
    guarded: Guarded, login: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(msk_iam, "token", lambda region: (unsecured_token("admin"), time.time() + 300))
    monkeypatch.setattr(msk_iam, "region_of", lambda servers: "eu-central-1")
    cluster = settings(guarded, "admin")
    if login == "AWS_MSK_IAM":
        cluster = KafkaSettings(
            **(cluster.model_dump() | {"kafka_sasl": login, "kafka_user": "", "kafka_password": ""})
        )
    log = KafkaAdmin(settings(guarded, "admin"))
    log.write([ProducerRecord("scan.dlq", b"b/junk.jpg", b"junk")])
    spans = log.spans(["scan.dlq"])

    found = [record.key for batch in TopicReader(cluster).read(spans) for record in batch]

    assert b"b/junk.jpg" in found
    assert len(found) == sum(span.high - span.low for span in spans.values())


def test_every_topic_of_the_table_is_there(guarded: Guarded) -> None:
    there = clients.partition_counts(clients.admin(settings(guarded, "admin")))
    assert {topic.name for topic in topics.table(stage.name for stage in pipeline.stages())} <= there.keys()
