"""An S3 event gives the same record through every route and for every key."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.connectors.events.parser import parse_message
from headrace.connectors.events.results import Parsed, Rejected
from headrace.connectors.events.s3 import LONGEST_KEY
from headrace.schemas.cloudevents import EventMetadata
from headrace.schemas.records import AwsEvent, MediaDeleted, MediaUploaded
from headrace.schemas.topics import key_of
from tests.unit.connectors.webhook import sns_messages

NOW = datetime(2026, 3, 14, tzinfo=UTC)
KEYS = [
    "a b.jpg",
    "a+b.jpg",
    "100%.jpg",
    "%2B%20%%%.png",
    "%2B++ %20.mp3",
    "zażółć/日本語 🎬.mp4",
    "../../etc/passwd",
    "folder/",
    "a//b",
    "\x01?#&=",
    "x" * 300,
]


def fact(body: str) -> tuple[Any, EventMetadata]:
    found = parse_message(body, NOW)
    assert isinstance(found, Parsed), found
    return found.events[0]


def ways(key: str) -> list[str]:
    """One upload by every way there is."""
    direct, by_bus = sns_messages.notification(sns_messages.record(key)), sns_messages.bridged(key)
    return [direct, sns_messages.sns(direct), by_bus, sns_messages.sns(by_bus)]


@pytest.mark.parametrize("key", KEYS)
def test_key_is_decoded_once_and_only_if_encoded(key: str) -> None:
    found = [fact(body) for body in ways(key)]

    assert [event.asset.key for event, _ in found] == [key] * 4
    assert {key_of(event) for event, _ in found} == {f"media/{key}".encode()}
    assert len({envelope.id for _, envelope in found}) == 1


@given(st.text(min_size=1, max_size=LONGEST_KEY // 4))
def test_key_and_id_are_the_same_through_every_route(key: str) -> None:
    found = [fact(body) for body in ways(key)]

    assert {(event.asset.key, envelope.id) for event, envelope in found} == {(key, found[0][1].id)}


@pytest.mark.parametrize("encoded", ["a%2Fb%2Bc+d", "a/b%2Bc%20d"])
def test_both_encodings_of_slash_and_space_are_decoded(encoded: str) -> None:
    body = sns_messages.notification(sns_messages.record()).replace('"a.jpg"', f'"{encoded}"')

    assert fact(body)[0].asset.key == "a/b+c d"


def test_key_that_is_not_utf_8_is_rejected() -> None:
    body = sns_messages.notification(sns_messages.record()).replace('"a.jpg"', '"a%FF.jpg"')

    assert parse_message(body, NOW) == Rejected("unreadable", "Records[0]: s3.object.key is not form-encoded UTF-8")


@pytest.mark.parametrize("version", ["2.0", "2.1", "2.2", "2.3", "2.4", "2.5", "2.6", "2.17"])
def test_every_minor_version_is_parsed_and_unknown_fields_are_ignored(version: str) -> None:
    record = {**sns_messages.record(version=version), "awsGeneratedTags": {"a": "b"}}

    assert fact(sns_messages.notification(record)) == fact(sns_messages.notification())


@pytest.mark.parametrize(
    ("direct", "detail"),
    [
        ("ObjectCreated:Put", {"reason": "PutObject"}),
        ("ObjectCreated:Post", {"reason": "POST Object"}),
        ("ObjectCreated:Copy", {"reason": "CopyObject"}),
        ("ObjectCreated:CompleteMultipartUpload", {"reason": "CompleteMultipartUpload"}),
        ("ObjectRemoved:Delete", {"reason": "DeleteObject", "deletion-type": "Permanently Deleted"}),
        ("ObjectRemoved:DeleteMarkerCreated", {"reason": "DeleteObject", "deletion-type": "Delete Marker Created"}),
        ("LifecycleExpiration:Delete", {"reason": "Lifecycle Expiration", "deletion-type": "Permanently Deleted"}),
        (
            "LifecycleExpiration:DeleteMarkerCreated",
            {"reason": "Lifecycle Expiration", "deletion-type": "Delete Marker Created"},
        ),
    ],
)
def test_both_event_name_spellings_give_one_name_and_id(direct: str, detail: dict[str, str]) -> None:
    kind = "Object Created" if direct.startswith("ObjectCreated") else "Object Deleted"
    one, other = (
        fact(sns_messages.notification(sns_messages.record(event=direct))),
        fact(sns_messages.bridged(kind=kind, **detail)),
    )

    assert one[0].event_name == other[0].event_name == direct
    assert one[1].id == other[1].id


def test_upload_has_all_fields_of_the_notification() -> None:
    event, envelope = fact(sns_messages.notification(sns_messages.record(versionId="v1", eTag='"e1"')))

    assert isinstance(event, MediaUploaded)
    asset = event.asset
    assert (asset.bucket, asset.version, asset.version_id, asset.etag) == ("media", "v1", "v1", "e1")
    assert (asset.size, asset.sequencer, event.region, event.origin) == (10, "0A", "eu-west-1", "notification")
    assert (envelope.source, envelope.time) == ("aws.s3", "2026-03-14T15:09:26.535Z")


def test_folder_marker_is_an_upload() -> None:
    event, _ = fact(sns_messages.notification(sns_messages.record("folder/", size=0)))

    assert isinstance(event, MediaUploaded)
    assert (event.asset.key, event.asset.size) == ("folder/", 0)


@pytest.mark.parametrize(
    ("found", "version"),
    [
        ({"versionId": "v1"}, "v1"),
        ({"versionId": "null"}, "e1"),
        ({}, "e1"),
        ({"eTag": ""}, "0A"),
    ],
)
def test_version_is_version_id_or_etag_or_sequencer(found: dict[str, str], version: str) -> None:
    event, _ = fact(sns_messages.notification(sns_messages.record(**found)))

    assert event.asset.version == version
    assert event.asset.version_id == (version if version == "v1" else None)


def test_deletion_has_no_size_and_no_etag() -> None:
    event, _ = fact(sns_messages.notification(sns_messages.record(event="ObjectRemoved:Delete")))

    assert isinstance(event, MediaDeleted)
    assert (event.asset.size, event.asset.etag, event.asset.version) == (0, "", "0A")


def test_deletion_id_ignores_size_and_etag() -> None:
    gone = {"reason": "Lifecycle Expiration", "deletion-type": "Permanently Deleted"}
    silent = sns_messages.notification(sns_messages.record(event="LifecycleExpiration:Delete", size=0, eTag=""))

    one, other = fact(silent), fact(sns_messages.bridged(kind="Object Deleted", **gone))

    assert one[0].asset == other[0].asset
    assert one[1].id == other[1].id


@pytest.mark.parametrize(
    "changes",
    [{"bucket": "other"}, {"eTag": "e2"}, {"sequencer": "0B"}, {"versionId": "v2"}, {"event": "ObjectCreated:Copy"}],
)
def test_different_events_have_different_ids(changes: dict[str, str]) -> None:
    bucket = changes.pop("bucket", "media")
    record = sns_messages.record(**changes)
    record["s3"]["bucket"]["name"] = bucket

    assert fact(sns_messages.notification(record))[1].id != fact(sns_messages.notification())[1].id


def test_unknown_event_name_is_kept() -> None:
    event, _ = fact(sns_messages.bridged(reason="Rename Object"))

    assert event.event_name == "ObjectCreated:RenameObject"


@pytest.mark.parametrize("name", ["ObjectTagging:Put", "ObjectRestore:Completed", "ReducedRedundancyLostObject"])
def test_other_s3_events_become_aws_events(name: str) -> None:
    event, envelope = fact(sns_messages.notification(sns_messages.record(event=name)))

    assert isinstance(event, AwsEvent)
    assert (event.source, event.detail_type, envelope.source) == ("aws.s3", name, "aws.s3")
    assert json.loads(event.body)["s3"]["object"]["key"] == "a.jpg"
