"""Tests of the schema registry, against Confluent's mock and a fake of its HTTP API."""

from __future__ import annotations

import asyncio
import copy
import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient
from pydantic import SecretStr
from typer.testing import CliRunner

from headrace.console.commands.schemas import app
from headrace.schemas import topics
from headrace.schemas.kafka.settings import RegistrySettings
from headrace.schemas.records import EVENTS, Asset, MediaDeleted
from headrace.schemas.serde import catalog, codec, registry
from headrace.schemas.serde.catalog import SchemaVersion
from headrace.schemas.serde.codec import (
    Codec,
    DecodeError,
    RegistryUnavailableError,
    SchemaNotRegisteredError,
    UnknownSchemaError,
)
from headrace.schemas.serde.registry import (
    BACKOFF_SECONDS,
    COMPATIBILITY,
    RegistryRefusedError,
    SchemaRegistry,
    create_client,
    subject_name,
)
from headrace.schemas.topics import Topic
from tests.support.fake_schema_registry import RegistryDouble, ids_of, registry_double

ALL = catalog.versions()
PUBLISHED = tuple(each for each in ALL if each.event in ("AwsEvent", "JobFinished", "MediaDeleted"))
DELETED = MediaDeleted(
    asset=Asset(bucket="media", key="a.mp4", version="1", etag="", size=0, sequencer=""),
    event_name="ObjectRemoved:Delete",
    deleted_at=datetime(2026, 3, 14, tzinfo=UTC),
    region="us-east-1",
)


@pytest.fixture
def double() -> Iterator[RegistryDouble]:
    with registry_double() as double:
        yield double


@pytest.fixture(params=["mock", "double"])
def client(request: pytest.FixtureRequest) -> SchemaRegistryClient:
    """Confluent's client, with its in-memory mock and over HTTP."""
    url = "mock://" if request.param == "mock" else request.getfixturevalue("double").url
    return SchemaRegistryClient.new_client({"url": url, "max.retries": 0})


def over(double: RegistryDouble, **changes: Any) -> SchemaRegistry:
    found = create_client(RegistrySettings(schema_registry=double.url, **changes))
    assert found is not None
    return found


def enrolled(asked: SchemaRegistry, published: tuple[SchemaVersion, ...] = PUBLISHED) -> Codec:
    asked.register(published)
    record_codec = Codec(published, asked)
    record_codec.load_schema_ids()
    return record_codec


def with_a_field(name: str) -> tuple[SchemaVersion, ...]:
    """Published schemas of a newer version of Headrace."""
    schema = copy.deepcopy(catalog.latest(PUBLISHED)["MediaDeleted"].schema)
    schema["fields"].append({"name": name, "type": "string", "doc": "New.", "default": ""})
    return (*PUBLISHED, SchemaVersion("MediaDeleted", 2, schema))


def test_writer_uses_registry_ids_and_reader_fetches_the_schema(client: SchemaRegistryClient) -> None:
    data = enrolled(SchemaRegistry(client, "it")).encode(DELETED)

    newest = json.dumps(catalog.latest(PUBLISHED)["MediaDeleted"].schema)
    id_ = client.lookup_schema("media.deleted-value", Schema(newest, "AVRO")).schema_id or 0
    assert data[:5] == b"\x00" + id_.to_bytes(4, "big")
    assert data[5:] == codec.load().encode(DELETED)[10:]
    assert Codec(PUBLISHED, SchemaRegistry(client, "it")).decode_or_fetch(data) == DELETED


async def test_registry_call_does_not_block_the_event_loop(client: SchemaRegistryClient) -> None:
    data = enrolled(SchemaRegistry(client, "it")).encode(DELETED)
    reader = Codec(PUBLISHED, SchemaRegistry(client, "it"))

    assert await asyncio.gather(*(reader.decode_async(data) for _ in range(20))) == [DELETED] * 20


def test_both_framings_are_read(client: SchemaRegistryClient) -> None:
    record_codec = enrolled(SchemaRegistry(client, "it"))

    assert (
        record_codec.decode(record_codec.encode(DELETED))
        == record_codec.decode(codec.load().encode(DELETED))
        == DELETED
    )


def test_does_not_register_schemas_by_default(client: SchemaRegistryClient) -> None:
    record_codec = Codec(PUBLISHED, SchemaRegistry(client, "it"))

    with pytest.raises(SchemaNotRegisteredError, match=r'lacks AwsEvent v1, .*\. Run "headrace schemas register"\.$'):
        record_codec.load_schema_ids()

    assert client.get_subjects() == []
    assert record_codec.encode(DELETED)[:2] == codec.MARKER


def test_loading_ids_fails_if_one_schema_is_not_registered(client: SchemaRegistryClient) -> None:
    SchemaRegistry(client, "it").register(PUBLISHED)

    with pytest.raises(SchemaNotRegisteredError, match=r'lacks MediaDeleted v2\. Run "headrace'):
        Codec(with_a_field("x"), SchemaRegistry(client, "it")).load_schema_ids()


def test_registers_missing_schemas_if_configured(client: SchemaRegistryClient) -> None:
    record_codec = Codec(PUBLISHED, SchemaRegistry(client, "it", register=True))

    record_codec.load_schema_ids()

    assert sorted(client.get_subjects()) == ["aws.events-value", "jobs.finished-value", "media.deleted-value"]
    assert record_codec.encode(DELETED)[:1] == b"\x00"


def test_registration_is_idempotent(client: SchemaRegistryClient) -> None:
    first, second = (SchemaRegistry(client, "it").register(PUBLISHED) for _ in range(2))

    assert [each.created for each in first] == [True] * len(PUBLISHED)
    assert [each.created for each in second] == [False] * len(PUBLISHED)
    assert [each.id for each in first] == [each.id for each in second]


def test_reads_records_of_a_newer_version(client: SchemaRegistryClient) -> None:
    data = enrolled(SchemaRegistry(client, "it"), with_a_field("reason")).encode(DELETED)

    assert Codec(PUBLISHED, SchemaRegistry(client, "it")).decode_or_fetch(data) == DELETED


def test_unknown_registry_id_is_named(client: SchemaRegistryClient) -> None:
    with pytest.raises(UnknownSchemaError, match=r"^schema 4711 of the schema registry is unknown$"):
        Codec(PUBLISHED, SchemaRegistry(client, "it")).decode_or_fetch(b"\x00\x00\x00\x12\x67body")


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (json.dumps({"type": "record", "name": "shop.Order", "fields": []}), "AVRO"),
        ('"string"', "AVRO"),
        ('syntax = "proto3";', "PROTOBUF"),
        ('{"type": "record"}', "AVRO"),
        ("[" * 50_000, "AVRO"),
        ('{"type": "record", "name": "MediaDeleted", "fields": [{"name": "x", "type": "MediaDeleted"}]}', "AVRO"),
    ],
    ids=["another record", "no record", "no Avro", "a bad schema", "deep JSON", "a recursive schema"],
)
def test_schema_of_a_foreign_event_stays_unknown(double: RegistryDouble, text: str, kind: str) -> None:
    id_ = double.add(text, kind)

    with pytest.raises(UnknownSchemaError):
        Codec(PUBLISHED, over(double)).decode_or_fetch(b"\x00" + id_.to_bytes(4, "big") + b"body")


@pytest.mark.parametrize("data", [b"\x00", b"\x00\x00\x00\x01"])
def test_rejects_a_truncated_frame(double: RegistryDouble, data: bytes) -> None:
    with pytest.raises(DecodeError) as caught:
        Codec(PUBLISHED, over(double)).decode_or_fetch(data)

    assert not isinstance(caught.value, UnknownSchemaError)
    assert double.asked == []


def test_rejects_truncated_bodies(double: RegistryDouble) -> None:
    record_codec = enrolled(over(double))
    data = record_codec.encode(DELETED)

    for length in range(1, len(data)):
        with pytest.raises(DecodeError):
            record_codec.decode(data[:length])
    with pytest.raises(DecodeError, match=r"^1 trailing bytes"):
        record_codec.decode(data + b"x")


def test_every_subject_is_fully_transitively_compatible(double: RegistryDouble) -> None:
    over(double).register(ALL)

    assert double.levels == {subject_name(event): COMPATIBILITY for event in EVENTS}
    assert set(double.subjects) == {f"{topics.topic_for(kind).name}-value" for kind in EVENTS.values()}
    assert double.levels["media.deleted-value"] == "FULL_TRANSITIVE"


def test_rejected_version_has_the_registrys_reason(double: RegistryDouble) -> None:
    over(double).register(PUBLISHED)
    worse = copy.deepcopy(catalog.latest(PUBLISHED)["MediaDeleted"].schema)
    worse["fields"].append({"name": "x", "type": "string", "doc": "New, and without a default."})

    reason = r"rejected the request \(409\): Schema being registered is incompatible"
    with pytest.raises(RegistryRefusedError, match=reason):
        over(double).register((*PUBLISHED, SchemaVersion("MediaDeleted", 2, worse)))


def test_topic_with_several_events_has_a_subject_per_event(monkeypatch: pytest.MonkeyPatch) -> None:
    shared = Topic("media.changes", "", (EVENTS["MediaUploaded"], MediaDeleted))
    monkeypatch.setattr(topics, "topic_for", lambda _: shared)

    assert subject_name("MediaDeleted") == "media.changes-headrace.MediaDeleted"


def test_own_schemas_need_no_registry_once_ids_are_loaded(double: RegistryDouble) -> None:
    record_codec = enrolled(over(double))
    double.down()

    record_codec.load_schema_ids()

    assert record_codec.decode_or_fetch(record_codec.encode(DELETED)) == DELETED


def test_unavailable_registry_is_not_a_decode_error(double: RegistryDouble) -> None:
    data = enrolled(over(double)).encode(DELETED)
    now = 0.0
    client = SchemaRegistryClient({"url": double.url, "max.retries": 0})
    reader = Codec(PUBLISHED, SchemaRegistry(client, double.url, clock=lambda: now))
    double.down()

    with pytest.raises(
        RegistryUnavailableError, match=rf"^no schema registry at {double.url}: start it, or correct HEADRACE_SCHEMA"
    ):
        reader.decode_or_fetch(data)

    double.up()
    with pytest.raises(RegistryUnavailableError):  # which is not asked for every record that waits for it
        reader.decode_or_fetch(data)
    now += BACKOFF_SECONDS
    assert reader.decode_or_fetch(data) == DELETED


@pytest.mark.parametrize(
    ("status", "body", "message"),
    [
        (401, b'{"error_code": 401, "message": "Unauthorized"}', r"rejected the login \(401\): .*HEADRACE_SCHEMA_REG"),
        (403, b"", r"rejected the login \(403\)"),
        (404, b"<html>nginx</html>", "is not a schema registry: correct HEADRACE_SCHEMA_REGISTRY"),
        (408, b"", r"is unavailable \(408\)"),
        (429, b'{"error_code": 429, "message": "slow down"}', r"is unavailable \(429\): slow down"),
        (500, b'{"error_code": 50001, "message": "Error in the backend"}', r"is unavailable \(500\): Error in the"),
        (503, b"<html>", r"is unavailable \(503\)"),
        (302, b"", r"rejected the request \(302\)"),
        (418, b"{}", r"rejected the request \(418\)"),
        (200, b"<html>a portal</html>", "is not a schema registry"),
        (200, b"[]", "is not a schema registry"),
        (200, b'"x"', "is not a schema registry"),
        (200, b"null", "is not a schema registry"),
        (200, b"", "is not a schema registry"),
    ],
)
@pytest.mark.parametrize("what", ["read", "enrol"])
def test_unexpected_response_is_an_outage(
    double: RegistryDouble, what: str, status: int, body: bytes, message: str
) -> None:
    double.says = (status, body)
    record_codec = Codec(PUBLISHED, over(double))

    with pytest.raises(RegistryUnavailableError, match=message):
        record_codec.decode_or_fetch(b"\x00\x00\x00\x00\x01body") if what == "read" else record_codec.load_schema_ids()


def test_uses_the_second_registry_if_the_first_is_unavailable(double: RegistryDouble) -> None:
    found = create_client(RegistrySettings(schema_registry=f"http://127.0.0.1:1, {double.url}"))

    assert found is not None
    assert len(found.register(PUBLISHED)) == len(PUBLISHED)


def test_login_is_sent_and_not_printed(double: RegistryDouble) -> None:
    double.login = "headrace:hunter:2"
    login = {"schema_registry_user": "headrace", "schema_registry_password": SecretStr("hunter:2")}

    assert len(over(double, **login).register(PUBLISHED)) == len(PUBLISHED)

    login["schema_registry_password"] = SecretStr("wrong")
    with pytest.raises(RegistryUnavailableError, match="rejected the login") as caught:
        over(double, **login).register(PUBLISHED)
    assert "wrong" not in str(caught.value)


def test_registry_client_is_imported_only_if_configured() -> None:
    program = (
        "import sys; from headrace.schemas.serde import registry; "
        "from headrace.schemas.kafka.settings import RegistrySettings; "
        "registry.create_codec(RegistrySettings(schema_registry='')).load_schema_ids(); print('httpx' in sys.modules)"
    )

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert done.stdout == "False\n"


def test_codec_without_a_registry_is_unchanged() -> None:
    record_codec = registry.create_codec(RegistrySettings(schema_registry=""))

    record_codec.load_schema_ids()

    assert record_codec.encode(DELETED) == codec.load().encode(DELETED)


def test_command_registers_all_schemas_and_prints_them(double: RegistryDouble) -> None:
    first, second = (
        CliRunner().invoke(app, ["register"], env={"HEADRACE_SCHEMA_REGISTRY": double.url}) for _ in range(2)
    )

    assert (first.exit_code, second.exit_code) == (0, 0), first.stderr
    assert first.stdout.splitlines()[0] == "machines.activities-value: v1 registered, id 1"
    assert second.stdout.splitlines()[0] == "machines.activities-value: v1 already there, id 1"
    assert ids_of(first.stdout) == ids_of(second.stdout) == [*range(1, len(ALL) + 1)]
    message = f"{len(ALL)} versions in {len(EVENTS)} subjects: compatibility FULL_TRANSITIVE"
    assert first.stdout.splitlines()[-1] == message


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("", "HEADRACE_SCHEMA_REGISTRY is not set: it names the schema registry"),
        (
            "http://127.0.0.1:1",
            "no schema registry at http://127.0.0.1:1: start it, or correct HEADRACE_SCHEMA_REGISTRY",
        ),
        ("mock://", "HEADRACE_SCHEMA_REGISTRY must be a URL, http:// or https://"),
    ],
)
def test_command_prints_why_it_fails(url: str, message: str) -> None:
    result = CliRunner().invoke(app, ["register"], env={"HEADRACE_SCHEMA_REGISTRY": url})

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith(message)
    assert len(result.stderr.splitlines()) == 1
